/* The one list of outcomes that every function of the runtime returns. */
#ifndef POCKETVISION_STATUS_H
#define POCKETVISION_STATUS_H

#ifdef __cplusplus
extern "C" {
#endif

typedef enum pv_status {
  PV_OK = 0,
  PV_ERR_ARGUMENT,   /* a null pointer, a zero size, a size that overflows */
  PV_ERR_OPEN,       /* the file cannot be opened or read */
  PV_ERR_FORMAT,     /* not an ELF shared object */
  PV_ERR_TRUNCATED,  /* a file or gallery is shorter than it says, or damaged */
  PV_ERR_MACHINE,    /* an ELF file of another machine */
  PV_ERR_LINK,       /* the dynamic linker refused it */
  PV_ERR_SYMBOL,     /* a shared object that exports no model */
  PV_ERR_MAGIC,      /* the exported object does not start with the magic number */
  PV_ERR_ABI,        /* compiled for another version of this runtime */
  PV_ERR_STRUCT,     /* the struct has another size, or a pointer in it is null */
  PV_ERR_FEATURES,   /* the processor lacks instructions that the model uses */
  PV_ERR_TENSOR,     /* input or output has an impossible type, shape, scale or zero point */
  PV_ERR_ARENA,      /* arena size or alignment is impossible, or the one given does not fit */
  PV_ERR_RUN,        /* the model's own function reported a failure */
  PV_ERR_NOT_FINITE, /* a NaN or an infinity, or coordinates too large to compute with */
  PV_ERR_DEGENERATE, /* points that determine no similarity */
  PV_ERR_ZERO_NORM,  /* a vector of zeros has no direction */
  PV_ERR_THREAD,     /* the system starts no further thread */
  PV_ERR_STOPPED,    /* the caller ended the batch before its last item */
  PV_ERR_FRAME,      /* a frame's format, sides, stride or size is impossible */
  PV_ERR_GALLERY,    /* no gallery, or one of another version */
  PV_ERR_MODEL,      /* a gallery of another model */
  PV_ERR_NAME,       /* a name is empty, too long, no UTF-8, or holds control characters */
  PV_ERR_FULL,       /* the gallery's memory holds no further entry */
  PV_ERR_THRESHOLD,  /* the record has no threshold at this false accept rate */
  PV_ERR_DIGEST      /* a model file whose digest is absent or does not match */
} pv_status;

/* A fixed English sentence without the final stop; never null, also for a value not listed. */
const char *pv_status_message(pv_status status);

#ifdef __cplusplus
}
#endif

#endif
