/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The looks are compiled once for each instruction set in meson.build's
 * isa_flags, from the same source: integers and IEEE floats without
 * contraction give the same bits whatever the vectors' width. PET_VERSION
 * gives what a version exports its own name: pet_effect_popart_avx2. */

#pragma once

#ifndef PET_ISA
#define PET_ISA c
#endif

#define PET_VERSION_JOIN_(name, isa) name##_##isa
#define PET_VERSION_JOIN(name, isa) PET_VERSION_JOIN_ (name, isa)
#define PET_VERSION(name) PET_VERSION_JOIN (name, PET_ISA)
