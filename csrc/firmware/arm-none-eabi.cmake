# Toolchain file of the example boards: -DCMAKE_TOOLCHAIN_FILE=... -DPOCKETVISION_CORE=cortex-m7
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR arm)
set(CMAKE_C_COMPILER arm-none-eabi-gcc)
set(CMAKE_CXX_COMPILER arm-none-eabi-g++)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES POCKETVISION_CORE)

set(_fpu_cortex-m4 fpv4-sp-d16)
set(_fpu_cortex-m7 fpv5-sp-d16)
set(_fpu_cortex-m33 fpv5-sp-d16)
set(_fpu_cortex-m55 auto)
if(NOT DEFINED _fpu_${POCKETVISION_CORE})
  message(FATAL_ERROR "POCKETVISION_CORE: expected cortex-m4, cortex-m7, cortex-m33 or "
    "cortex-m55, got '${POCKETVISION_CORE}'")
endif()
set(_flags "-mcpu=${POCKETVISION_CORE} -mthumb -mfloat-abi=hard \
-mfpu=${_fpu_${POCKETVISION_CORE}} -ffunction-sections -fdata-sections")
set(CMAKE_C_FLAGS_INIT "${_flags}")
set(CMAKE_CXX_FLAGS_INIT "${_flags} -fno-exceptions -fno-rtti")
