/* How far one face's picture can be trusted, and why not: in integers only, the same on every core
 * and host, without libm, without memory of its own but a stack of about 5 KB.
 *
 * A small int8 network reads a thumbnail of the crop, where there is detail, differences at four
 * scales in four directions, light and colour. It was trained to say how well an embedding survives
 * what was done to a picture (training/quality/). Landmarks are judged by the similarity fit. */
#ifndef POCKETVISION_QUALITY_H
#define POCKETVISION_QUALITY_H

#include <stdint.h>

#include "pocketvision/frame.h"
#include "pocketvision/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Sides of a square crop that can be measured, in pixels. */
#define PV_QUALITY_LEAST_SIDE 80
#define PV_QUALITY_MOST_SIDE 448

/* Numbers that the network reads of a crop. */
#define PV_QUALITY_FEATURES 329

/* What training/quality/ trains on: int8 (PV_QUALITY_FEATURES) of a dense RGB crop of side x side.
 * PV_ERR_ARGUMENT for a null pointer or another side. */
pv_status pv_quality_features(const uint8_t *crop, uint32_t side,
                              int8_t features[PV_QUALITY_FEATURES]);

#ifdef __cplusplus
}
#endif

#endif
