/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "nn/onednn/onednn-library.h"

#include <dlfcn.h>
#include <pthread.h>

/* The soname carries the series. */
#define TEXT_(x) #x
#define TEXT(x) TEXT_ (x)
#define LIBRARY "libdnnl.so." TEXT (DNNL_VERSION_MAJOR)

PetDnnLibrary pet_dnn;
static bool is_open;

/* POSIX has object and function pointers of one size. */
static bool
find (void *library, const char *name, void *function)
{
  *(void **) function = dlsym (library, name);
  return *(void **) function != NULL;
}

static void
open_once (void)
{
  void *library = dlopen (LIBRARY, RTLD_NOW | RTLD_LOCAL);
  bool all = library != NULL;

  if (!all)
    return;
#define PET_DNN_FIND(name) all &= find (library, "dnnl_" #name, &pet_dnn.name);
  PET_DNN_FUNCTIONS (PET_DNN_FIND)
#undef PET_DNN_FIND
  if (!find (library, "omp_get_max_threads", &pet_dnn.omp_get_max_threads) ||
      !find (library, "omp_set_num_threads", &pet_dnn.omp_set_num_threads))
    pet_dnn.omp_get_max_threads = NULL;
  is_open = all;
  if (!all)
    dlclose (library);
}

bool
pet_dnn_open (void)
{
  static pthread_once_t once = PTHREAD_ONCE_INIT;

  pthread_once (&once, open_once);
  return is_open;
}
