/* Where a detector's input lies in a frame, and faces from there back to the frame. */
#include "pocketvision/detect.h"

#define ONE (INT64_C(1) << 32) /* a pixel of a placement */
#define MAX_RIGHT (INT64_C(1) << 38)
#define MAX_FACE (INT32_C(1) << 30) /* 2^22 pixels */

pv_status pv_detect_place(const pv_detect_recipe *recipe, const pv_area *area, uint32_t turn,
                          pv_placement *placement) {
  if (area == NULL || placement == NULL || turn > 3) return PV_ERR_ARGUMENT;
  const pv_status status = pv_detect_recipe_check(recipe);
  if (status != PV_OK) return status;
  if (area->width == 0 || area->height == 0 || area->width > PV_MAX_FRAME_SIDE ||
      area->height > PV_MAX_FRAME_SIDE || area->left > PV_MAX_FRAME_SIDE ||
      area->top > PV_MAX_FRAME_SIDE) {
    return PV_ERR_ARGUMENT;
  }
  const int64_t across = turn % 2 ? area->height : area->width;
  const int64_t down = turn % 2 ? area->width : area->height;
  /* Up, so that the area is inside the input. */
  const int64_t by_width = (across * ONE + recipe->width - 1) / recipe->width;
  const int64_t by_height = (down * ONE + recipe->height - 1) / recipe->height;
  const int64_t scale = by_width > by_height ? by_width : by_height;
  if (scale > MAX_RIGHT) return PV_ERR_DEGENERATE;
  static const int8_t right[4][2] = {{1, 0}, {0, 1}, {-1, 0}, {0, -1}};
  placement->right_x = right[turn][0] * scale;
  placement->right_y = right[turn][1] * scale;
  /* The area's corner that is left and up in the input; then to the first pixel's centre. */
  const int64_t x = area->left + (int64_t)(turn == 1 || turn == 2 ? area->width : 0);
  const int64_t y = area->top + (int64_t)(turn >= 2 ? area->height : 0);
  placement->x = x * ONE + (placement->right_x - placement->right_y - ONE) / 2;
  placement->y = y * ONE + (placement->right_y + placement->right_x - ONE) / 2;
  return PV_OK;
}

/* In 1/256 pixel, to nearest, halves away from zero. */
static int32_t units(int64_t value) {
  const int64_t half = INT64_C(1) << 23;
  return (int32_t)(value < 0 ? -((half - value) >> 24) : (value + half) >> 24);
}

static int move(const pv_placement *placement, int32_t point[2]) {
  if (point[0] < -MAX_FACE || point[0] > MAX_FACE || point[1] < -MAX_FACE || point[1] > MAX_FACE) {
    return 0;
  }
  /* 2^22 pixels of the input by 64 pixels each are 2^60: halved before they are summed. */
  const int64_t right_x = placement->right_x / 256, right_y = placement->right_y / 256;
  const int64_t x = placement->x + point[0] * right_x - point[1] * right_y;
  const int64_t y = placement->y + point[0] * right_y + point[1] * right_x;
  const int64_t most = (int64_t)MAX_FACE << 24;
  if (x < -most || x > most || y < -most || y > most) return 0;
  point[0] = units(x);
  point[1] = units(y);
  return 1;
}

pv_status pv_detect_to_frame(const pv_placement *placement, pv_detection *faces, uint32_t count) {
  if (placement == NULL || (faces == NULL && count > 0)) return PV_ERR_ARGUMENT;
  if (placement->right_x < -MAX_RIGHT || placement->right_x > MAX_RIGHT ||
      placement->right_y < -MAX_RIGHT || placement->right_y > MAX_RIGHT) {
    return PV_ERR_ARGUMENT;
  }
  for (uint32_t i = 0; i < count; i++) {
    int32_t *box = faces[i].box;
    int fits = 1;
    for (int point = 0; point < PV_LANDMARKS; point++) {
      fits &= move(placement, faces[i].landmarks + 2 * point);
    }
    int32_t corners[4][2] = {
        {box[0], box[1]}, {box[2], box[1]}, {box[0], box[3]}, {box[2], box[3]}};
    for (int corner = 0; corner < 4; corner++) {
      fits &= move(placement, corners[corner]);
      for (int axis = 0; axis < 2; axis++) {
        const int32_t at = corners[corner][axis];
        if (corner == 0 || at < box[axis]) box[axis] = at;
        if (corner == 0 || at > box[2 + axis]) box[2 + axis] = at;
      }
    }
    if (!fits) return PV_ERR_NOT_FINITE;
  }
  return PV_OK;
}
