/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* For dladdr(). */
#define _GNU_SOURCE

#include "gstpetcuda.h"

#include <dlfcn.h>
#include <string.h>

#include "memory/gstpetwatch.h"

#define MODULE "libgstpet-cuda.so"

/* The plugin's own folder: build/plugins, or LIBDIR/gstreamer-1.0. */
static gchar *
own_folder (void)
{
  Dl_info info;

  if (dladdr ((gpointer) &gst_pet_cuda_api, &info) == 0 ||
      info.dli_fname == NULL)
    return NULL;
  return g_path_get_dirname (info.dli_fname);
}

static gchar *
find_module (void)
{
  static const gchar *const places[] = { "../gst-plugins-pet", "../cuda" };
  const gchar *given = g_getenv ("PET_CUDA_MODULE");
  g_autofree gchar *folder = own_folder ();

  if (given != NULL)
    return g_strdup (given);
  for (guint i = 0; folder != NULL && i < G_N_ELEMENTS (places); i++) {
    gchar *path = g_build_filename (folder, places[i], MODULE, NULL);

    if (g_file_test (path, G_FILE_TEST_EXISTS))
      return path;
    g_free (path);
  }
  return NULL;
}

static const PetCudaApi *
load (PetError *error)
{
  g_autofree gchar *path = find_module ();
  PetCudaApiFunction get = NULL;
  const PetCudaApi *api;
  gpointer library;

  if (path == NULL) {
    pet_fail (error, PET_ERROR_DEVICE,
        "there is no " MODULE ": built or installed without CUDA");
    return NULL;
  }
  library = dlopen (path, RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) {
    pet_fail (error, PET_ERROR_DEVICE,
        "the GPU module cannot be opened: %.200s", dlerror ());
    return NULL;
  }
  *(gpointer *) &get = dlsym (library, "pet_cuda_api");
  api = get != NULL ? get (PET_CUDA_API_VERSION) : NULL;
  if (api == NULL)
    pet_fail (error, PET_ERROR_DEVICE, "'%.200s' is of another version", path);
  return api;
}

const PetCudaApi *
gst_pet_cuda_api (PetError *error)
{
  static const PetCudaApi *api;
  static PetError reason;
  static gsize once;

  if (g_once_init_enter (&once)) {
    api = load (&reason);
    g_once_init_leave (&once, 1);
  }
  if (api == NULL && error != NULL)
    *error = reason;
  return api;
}

struct _GstPetCard {
  const PetCudaApi *api;
  PetCuda *cuda;
  gchar *name;
  GstPetBudget *budget;
};

static bool
charge (void *user, size_t bytes)
{
  return gst_pet_budget_try_draw (((GstPetCard *) user)->budget, bytes);
}

static void
release (void *user, size_t bytes)
{
  gst_pet_budget_give_back (((GstPetCard *) user)->budget, NULL, bytes);
}

/* Nothing was charged yet. What a gate has set stays: it may leave the rest of the
 * card to somebody else. */
static PetStatus
open_account (GstPetCard *card, PetError *error)
{
  guint64 available, total, held;
  g_autofree gchar *name = NULL;
  PetCudaInfo info;

  card->api->info (card->cuda, &info);
  PET_TRY (card->api->memory (card->cuda, &available, &total, &held, error));
  card->name = g_strdup_printf ("%s (GPU %d, compute capability %d.%d)",
      info.name, info.device, info.compute_major, info.compute_minor);
  name = g_strdup_printf ("cuda-%d", info.device);
  card->budget = gst_pet_budget_get (name);
  gst_pet_budget_offer_limit (card->budget, total);
  return PET_OK;
}

PetStatus
gst_pet_card_open (gint device, GstPetCard **result, PetError *error)
{
  const PetCudaApi *api = gst_pet_cuda_api (error);
  GstPetCard *card;
  PetCudaOptions options = {
    .device = device, .charge = charge, .release = release
  };
  PetStatus status;

  if (api == NULL)
    return PET_ERROR_DEVICE;
  card = g_new0 (GstPetCard, 1);
  card->api = api;
  options.user = card;
  status = api->open (&options, &card->cuda, error);
  if (status == PET_OK)
    status = open_account (card, error);
  if (status != PET_OK)
    gst_pet_card_close (&card);
  else
    *result = card;
  return status;
}

void
gst_pet_card_close (GstPetCard **pointer)
{
  GstPetCard *card = *pointer;

  if (card == NULL)
    return;
  if (card->cuda != NULL)
    card->api->close (&card->cuda);
  gst_clear_object (&card->budget);
  g_free (card->name);
  g_free (card);
  *pointer = NULL;
}

PetCuda *
gst_pet_card_cuda (GstPetCard *card)
{
  return card->cuda;
}

gint
gst_pet_card_device (const GstPetCard *card)
{
  PetCudaInfo info;

  card->api->info (card->cuda, &info);
  return info.device;
}

GstPetBudget *
gst_pet_card_budget (const GstPetCard *card)
{
  return card->budget;
}

const gchar *
gst_pet_card_name (const GstPetCard *card)
{
  return card->name;
}

/* The card that is watched stays open: gates ask for every buffer. */
static GMutex watch_lock;
static PetCuda *watched;

static gdouble
share_in_use (gpointer user)
{
  const PetCudaApi *api = user;
  guint64 available = 0, total = 0, held;
  gdouble share = -1;

  g_mutex_lock (&watch_lock);
  if (api->memory (watched, &available, &total, &held, NULL) == PET_OK &&
      total > 0)
    share = 1 - (gdouble) available / (gdouble) total;
  g_mutex_unlock (&watch_lock);
  return share;
}

PetStatus
gst_pet_cuda_watch (PetError *error)
{
  const PetCudaApi *api = gst_pet_cuda_api (error);
  PetCudaOptions options = { .device = -1 };
  PetStatus status = PET_OK;

  if (api == NULL)
    return PET_ERROR_DEVICE;
  g_mutex_lock (&watch_lock);
  if (watched == NULL)
    status = api->open (&options, &watched, error);
  g_mutex_unlock (&watch_lock);
  PET_TRY (status);
  gst_pet_watch_set_cuda (share_in_use, (gpointer) api);
  return PET_OK;
}

struct _GstPetGpuLooks {
  GstPetCard *card;
  const PetEffect *effect; /* that `look` is of */
  PetCudaLook *look;
};

PetStatus
gst_pet_gpu_looks_open (gint device, GstPetGpuLooks **result, PetError *error)
{
  GstPetCard *card;
  GstPetGpuLooks *looks;

  PET_TRY (gst_pet_card_open (device, &card, error));
  looks = g_new0 (GstPetGpuLooks, 1);
  looks->card = card;
  *result = looks;
  return PET_OK;
}

void
gst_pet_gpu_looks_close (GstPetGpuLooks **pointer)
{
  GstPetGpuLooks *looks = *pointer;

  if (looks == NULL)
    return;
  looks->card->api->look_free (&looks->look);
  gst_pet_card_close (&looks->card);
  g_free (looks);
  *pointer = NULL;
}

GstPetCard *
gst_pet_gpu_looks_card (const GstPetGpuLooks *looks)
{
  return looks->card;
}

PetStatus
gst_pet_gpu_looks_apply (GstPetGpuLooks *looks, const PetEffect *effect,
    const PetCudaPhoto *src, const PetImage *dst, PetCudaFrame *frame,
    const gdouble *values, PetError *error)
{
  const PetCudaApi *api = looks->card->api;
  PetStatus status;

  if (looks->effect != effect) {
    api->look_free (&looks->look);
    looks->effect = NULL;
    PET_TRY (
        api->look_new (looks->card->cuda, effect->name, &looks->look, error));
    looks->effect = effect;
  }
  status = api->look_run (looks->look, src, dst, frame, values, error);
  /* After a failure, too, something may still read the picture. */
  if (status != PET_OK)
    (void) api->wait (looks->card->cuda, NULL);
  else if (frame != NULL)
    status = api->wait (looks->card->cuda, error);
  return status;
}
