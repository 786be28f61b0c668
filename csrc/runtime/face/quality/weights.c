#include "parts.h"
const pv_head_weights pv_head = {0};
