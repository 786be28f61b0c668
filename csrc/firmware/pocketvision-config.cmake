# CMake package of firmware with compiled models, found by this folder:
#   find_package(pocketvision CONFIG REQUIRED PATHS .../csrc/firmware)
#   pocketvision_add_model(facechain-25m out cortex-m7)
#   target_link_libraries(app PRIVATE pocketvision::facechain-25m pocketvision::core)
# pocketvision::core checks the core and runs a model; pocketvision::identity takes it from a
# camera's frame to a name; pocketvision::MACHINE, such as pocketvision::mps2-an500, is the start-up
# code and the memory of that example board.

get_filename_component(_pocketvision "${CMAKE_CURRENT_LIST_DIR}" ABSOLUTE)

if(NOT TARGET pocketvision::core)
  add_library(pocketvision::core INTERFACE IMPORTED)
  target_sources(pocketvision::core INTERFACE
    "${_pocketvision}/core.c"
    "${_pocketvision}/../runtime/core/session.c"
    "${_pocketvision}/../runtime/core/status.c")
  target_include_directories(pocketvision::core INTERFACE "${_pocketvision}/../include")

  add_library(pocketvision::identity INTERFACE IMPORTED)
  file(GLOB _parts "${_pocketvision}/../runtime/face/*.c" "${_pocketvision}/../runtime/face/*/*.c")
  target_sources(pocketvision::identity INTERFACE ${_parts})
  target_link_libraries(pocketvision::identity INTERFACE pocketvision::core)

  foreach(_machine mps2-an386 mps2-an500 mps2-an505 mps3-an547)
    add_library(pocketvision::${_machine} INTERFACE IMPORTED)
    target_sources(pocketvision::${_machine} INTERFACE
      "${_pocketvision}/start.c" "${_pocketvision}/semihosting.c")
    target_include_directories(pocketvision::${_machine} INTERFACE "${_pocketvision}")
    target_link_options(pocketvision::${_machine} INTERFACE
      -nostartfiles "-L${_pocketvision}/boards" -T "${_machine}.ld"
      -Wl,--gc-sections -Wl,-z,noexecstack)
  endforeach()
endif()

# The library pocketvision::NAME of FOLDER/NAME.TARGET.a and FOLDER/NAME.h, compiled for CORE.
function(pocketvision_add_model name folder core)
  get_filename_component(folder "${folder}" ABSOLUTE)
  set(library "${folder}/${name}.${core}.a")
  if(NOT EXISTS "${library}")
    message(FATAL_ERROR "pocketvision_add_model: ${library} is absent; type "
      "pocketvision compile ${name}.int8.onnx --target ${core} --out ${folder}")
  endif()
  add_library(pocketvision::${name} STATIC IMPORTED GLOBAL)
  set_target_properties(pocketvision::${name} PROPERTIES
    IMPORTED_LOCATION "${library}"
    INTERFACE_INCLUDE_DIRECTORIES "${folder};${CMAKE_CURRENT_FUNCTION_LIST_DIR}/../include")
endfunction()
