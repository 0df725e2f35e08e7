/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The module's programs as a back end of gst/nn, for the suites that compare
 * back ends: fp32, two pictures per run, which must come out alike. */

#pragma once

#include "nn/pet-backend.h"

extern const PetBackend pet_backend_cuda;
