/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The functions of libdnnl, which is opened when the first network needs it:
 * it is 40 MB that most processes never touch. */

#pragma once

#include <dnnl.h>
#include <dnnl_debug.h>
#include <stdbool.h>

#define PET_DNN_FUNCTIONS(F)                                                   \
  F (binary_desc_init)                                                         \
  F (dilated_convolution_forward_desc_init)                                    \
  F (dilated_deconvolution_forward_desc_init)                                  \
  F (eltwise_forward_desc_init)                                                \
  F (engine_create)                                                            \
  F (engine_destroy)                                                           \
  F (get_effective_cpu_isa)                                                    \
  F (inner_product_forward_desc_init)                                          \
  F (matmul_desc_init)                                                         \
  F (memory_create)                                                            \
  F (memory_desc_equal)                                                        \
  F (memory_desc_get_size)                                                     \
  F (memory_desc_init_by_strides)                                              \
  F (memory_desc_init_by_tag)                                                  \
  F (memory_destroy)                                                           \
  F (memory_set_data_handle)                                                   \
  F (pooling_v2_forward_desc_init)                                             \
  F (post_ops_append_binary)                                                   \
  F (post_ops_append_eltwise)                                                  \
  F (post_ops_create)                                                          \
  F (post_ops_destroy)                                                         \
  F (primitive_attr_create)                                                    \
  F (primitive_attr_destroy)                                                   \
  F (primitive_attr_set_post_ops)                                              \
  F (primitive_attr_set_scratchpad_mode)                                       \
  F (primitive_create)                                                         \
  F (primitive_desc_destroy)                                                   \
  F (primitive_desc_iterator_create)                                           \
  F (primitive_desc_iterator_destroy)                                          \
  F (primitive_desc_iterator_fetch)                                            \
  F (primitive_desc_iterator_next)                                             \
  F (primitive_desc_query)                                                     \
  F (primitive_desc_query_md)                                                  \
  F (primitive_destroy)                                                        \
  F (primitive_execute)                                                        \
  F (reorder_primitive_desc_create)                                            \
  F (resampling_forward_desc_init)                                             \
  F (softmax_v2_forward_desc_init)                                             \
  F (status2str)                                                               \
  F (stream_create)                                                            \
  F (stream_destroy)                                                           \
  /* the end */

typedef struct {
#define PET_DNN_MEMBER(name) __typeof__ (dnnl_##name) *name;
  PET_DNN_FUNCTIONS (PET_DNN_MEMBER)
#undef PET_DNN_MEMBER
  /* Of the OpenMP runtime that libdnnl was linked with; NULL without one. */
  int (*omp_get_max_threads) (void);
  void (*omp_set_num_threads) (int threads);
} PetDnnLibrary;

extern PetDnnLibrary pet_dnn;

/* Opens the library once; false where it is not there or too old. To be
 * called before any function of pet_dnn. Thread-safety: safe. */
bool pet_dnn_open (void);
