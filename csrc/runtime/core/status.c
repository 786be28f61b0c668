/* Messages of the status codes. */
#include "pocketvision/status.h"

const char *pv_status_message(pv_status status) {
  switch (status) {
    case PV_OK:
      return "no error";
    case PV_ERR_ARGUMENT:
      return "an argument is null, empty or too large";
    case PV_ERR_OPEN:
      return "the file cannot be read";
    case PV_ERR_FORMAT:
      return "not a compiled model: expected an ELF shared object";
    case PV_ERR_TRUNCATED:
      return "the file is truncated or damaged";
    case PV_ERR_MACHINE:
      return "the file was compiled for another machine";
    case PV_ERR_LINK:
      return "the dynamic linker refused the file";
    case PV_ERR_SYMBOL:
      return "a shared object, but not a compiled model";
    case PV_ERR_MAGIC:
      return "not a compiled model: wrong magic number";
    case PV_ERR_ABI:
      return "the model was compiled for another version of the runtime";
    case PV_ERR_STRUCT:
      return "the model's description is incomplete";
    case PV_ERR_FEATURES:
      return "this processor lacks instructions that the model uses";
    case PV_ERR_TENSOR:
      return "the model's input or output is impossible";
    case PV_ERR_ARENA:
      return "the arena's size or alignment is impossible";
    case PV_ERR_RUN:
      return "the model reported a failure";
    case PV_ERR_NOT_FINITE:
      return "a coordinate or value is NaN, infinite or too large";
    case PV_ERR_DEGENERATE:
      return "the points coincide or lie on one line";
    case PV_ERR_ZERO_NORM:
      return "a vector of zeros has no direction";
    case PV_ERR_THREAD:
      return "the system starts no further thread";
    case PV_ERR_STOPPED:
      return "the batch was ended before its last item";
    case PV_ERR_FRAME:
      return "the frame's format, sides, stride or size is impossible";
    case PV_ERR_GALLERY:
      return "not a gallery of this version";
    case PV_ERR_MODEL:
      return "the gallery's templates are of another model";
    case PV_ERR_NAME:
      return "the name is empty, longer than 31 bytes, no UTF-8 or with control characters";
    case PV_ERR_FULL:
      return "the gallery's memory holds no further entry";
    case PV_ERR_THRESHOLD:
      return "the record has no threshold at this false accept rate";
    case PV_ERR_DIGEST:
      return "the file is damaged, or was changed after it was compiled";
  }
  return "unknown status";
}
