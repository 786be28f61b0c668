/* What the Cortex-M core that runs this can do, and whether that is enough for a compiled model. */
#ifndef POCKETVISION_CORE_H
#define POCKETVISION_CORE_H

#include <stdint.h>

#include "pocketvision/model.h"
#include "pocketvision/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Or of enum pv_feature, from the core's identification registers. A unit that is there but that
 * the start-up code has not enabled does not count. */
uint32_t pv_core_features(void);

/* PV_OK when this core can run a model of this runtime; to be asked once, before the first run.
 * PV_ERR_MACHINE: it was compiled for hosts. PV_ERR_FEATURES: the core lacks instructions, which
 * are `model->features & ~pv_core_features()`. Else what pv_model_check() found. */
pv_status pv_check(const pv_model *model);

#ifdef __cplusplus
}
#endif

#endif
