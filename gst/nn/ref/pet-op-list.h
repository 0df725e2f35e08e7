/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One row per operator: PET_OP (x) is pet_op_x of some ref/op-*.c. No include
 * guard: included with different meanings of PET_OP. */

PET_OP (cast)
PET_OP (castlike)
PET_OP (dropout)
PET_OP (flatten)
PET_OP (identity)
PET_OP (reshape)
PET_OP (squeeze)
PET_OP (unsqueeze)
