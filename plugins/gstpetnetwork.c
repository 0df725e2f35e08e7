/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gstpetnetwork.h"

#include <stdlib.h>

#include "base/pet-cpu.h"
#include "base/pet-folder.h"
#include "gstpetcuda.h"
#include "petnet-resource.h"

#define BUILT_IN "/org/gst-plugins-pet/petnet.onnx"

static PetPrecision
cpu_precision (GstPetPrecision wanted)
{
  switch (wanted) {
    case GST_PET_PRECISION_AUTO:
      return PET_PRECISION_AUTO;
    case GST_PET_PRECISION_BF16:
      return PET_PRECISION_BF16;
    default:
      return PET_PRECISION_FP32;
  }
}

static PetStatus
load_cpu (const GstPetNetworkOptions *options, PetSegmenter **segmenter,
    PetError *error)
{
  PetSegmenterOptions how = {
    .threads =
        options->threads != 0 ? (int) options->threads : pet_cpu_count (),
    .precision = cpu_precision (options->precision),
    .allocator = &options->account->core,
  };
  GBytes *bytes;
  gconstpointer data;
  PetStatus status;
  gsize size;

  if (options->location != NULL)
    return pet_segmenter_new_file (options->location, &how, segmenter, error);

  bytes = g_resource_lookup_data (
      petnet_get_resource (), BUILT_IN, G_RESOURCE_LOOKUP_FLAGS_NONE, NULL);
  if (bytes == NULL)
    return pet_fail (
        error, PET_ERROR_IO, "the built-in network is not in this build");
  data = g_bytes_get_data (bytes, &size);
  status = pet_segmenter_new (data, size, &how, segmenter, error);
  g_bytes_unref (bytes);
  return status;
}

/* Limits of model files and of their sidecars, as for the CPU. */
#define MAX_MODEL_BYTES ((gsize) 512 << 20)
#define MAX_SIDECAR_BYTES 65535

/* *sidecar NULL: there is none. */
static PetStatus
read_sidecar (const gchar *path, gchar **sidecar, PetError *error)
{
  uint8_t *bytes;
  size_t size;

  if (!g_file_test (path, G_FILE_TEST_EXISTS))
    return PET_OK;
  PET_TRY (pet_file_read (path, MAX_SIDECAR_BYTES, &bytes, &size, error));
  *sidecar = g_strndup ((const gchar *) bytes, size);
  free (bytes);
  return PET_OK;
}

static PetStatus
read_model (
    const gchar *location, GBytes **model, gchar **sidecar, PetError *error)
{
  g_autofree gchar *side = NULL;
  uint8_t *bytes;
  size_t size;

  *sidecar = NULL;
  if (location == NULL) {
    *model = g_resource_lookup_data (
        petnet_get_resource (), BUILT_IN, G_RESOURCE_LOOKUP_FLAGS_NONE, NULL);
    return *model != NULL ? PET_OK
                          : pet_fail (error, PET_ERROR_IO,
                                "the built-in network is not in this build");
  }
  PET_TRY (pet_file_read (location, MAX_MODEL_BYTES, &bytes, &size, error));
  *model = g_bytes_new_with_free_func (bytes, size, free, bytes);
  side = g_strconcat (location, ".modelinfo", NULL);
  return read_sidecar (side, sidecar, error);
}

static PetStatus
load_on_card (const GstPetNetworkOptions *options, GstPetGpuCut *cut,
    PetSegmenter **segmenter, PetError *error)
{
  GstPetGpuOptions how = { .device = options->cuda_device_id,
    .half = options->precision == GST_PET_PRECISION_AUTO ||
        options->precision == GST_PET_PRECISION_FP16,
    .batch = options->batch_size,
    .batch_timeout = options->batch_timeout_ms * GST_MSECOND,
    .hurried = options->hurried };
  g_autofree gchar *sidecar = NULL;
  GBytes *model = NULL;
  PetStatus status;

  status = read_model (options->location, &model, &sidecar, error);
  if (status == PET_OK)
    status =
        gst_pet_gpu_segmenter_new (model, sidecar, &how, cut, segmenter, error);
  g_clear_pointer (&model, g_bytes_unref);
  return status;
}

static PetStatus
load_gpu (const GstPetNetworkOptions *options, GstPetNetwork *network,
    PetError *error)
{
  PetStatus status;

  /* First the module: without one nothing need be read. */
  if (gst_pet_cuda_api (error) == NULL)
    return PET_ERROR_DEVICE;
  PET_TRY (
      gst_pet_gpu_cut_open (options->cuda_device_id, &network->cut, error));
  status = load_on_card (options, network->cut, &network->segmenter, error);
  if (status != PET_OK)
    gst_pet_gpu_cut_close (&network->cut);
  return status;
}

static void
post_error (GstElement *element, const GstPetNetworkOptions *options,
    PetStatus status, const PetError *error)
{
  const gchar *name =
      options->location != NULL ? options->location : "built in";

  if (status == PET_ERROR_DEVICE ||
      (status == PET_ERROR_MEMORY && options->device == GST_PET_DEVICE_CUDA))
    GST_ELEMENT_ERROR (element, LIBRARY, INIT,
        ("device=cuda is not possible: %s.", error->message),
        ("%s", pet_status_name (status)));
  else if (status == PET_ERROR_IO)
    GST_ELEMENT_ERROR (element, RESOURCE, NOT_FOUND,
        ("The network \"%s\" cannot be read: %s.", name, error->message),
        (NULL));
  else
    GST_ELEMENT_ERROR (element, STREAM, WRONG_TYPE,
        ("The network \"%s\" cannot be used: %s.", name, error->message),
        ("%s", pet_status_name (status)));
}

static PetSegmenter *
open_cpu (GstElement *element, const GstPetNetworkOptions *options)
{
  PetSegmenter *segmenter = NULL;
  PetError error;
  PetNetInfo net;
  PetStatus status;

  if (options->precision == GST_PET_PRECISION_FP16 ||
      (options->precision == GST_PET_PRECISION_BF16 && !pet_net_has_bf16 ()))
    GST_ELEMENT_WARNING (element, LIBRARY, SETTINGS,
        ("The CPU runs the network in fp32; the precision asked for is not "
         "available there."),
        (NULL));
  status = load_cpu (options, &segmenter, &error);
  if (status != PET_OK) {
    post_error (element, options, status, &error);
    return NULL;
  }
  pet_segmenter_net_info (segmenter, &net);
  GST_INFO_OBJECT (element,
      "%s on %s: %d nodes, %d of them in bf16, %" G_GSIZE_FORMAT
      " bytes of activations, %" G_GSIZE_FORMAT " of weights",
      pet_segmenter_info (segmenter)->name, net.backend, net.nodes,
      net.bf16_nodes, net.activation_bytes, net.weight_bytes);
  return segmenter;
}

/* device=auto: the GPU's network, and the CPU's as soon as that fails. */
typedef struct {
  GstPetNetwork *network; /* owns the segmenter that owns this */
  gboolean is_first;      /* of its two */
  GstPetNetworkOptions options;
  gchar *location;
  PetSegmenter *gpu, *cpu;
} Both;

/* In the middle of a photo: the network is no part of that. */
static PetStatus
load_cpu_apart (Both *both, PetError *error)
{
  GstPetAccount *account = both->options.account;
  GstPetTicket *ticket = account->ticket;
  PetStatus status;

  if (ticket == NULL || ticket == GST_PET_TICKET_FIXED)
    return load_cpu (&both->options, &both->cpu, error);
  gst_pet_ticket_ref (ticket);
  gst_pet_account_begin_fixed (account);
  status = load_cpu (&both->options, &both->cpu, error);
  gst_pet_account_begin_ticket (account, ticket);
  gst_pet_ticket_unref (ticket);
  return status;
}

static PetStatus
run_both (
    void *user, const PetImage *photo, const PetImage *mask, PetError *error)
{
  Both *both = user;
  GstPetNetwork *network = both->network;
  PetStatus status = PET_ERROR_DEVICE;
  PetError reason;

  if (both->gpu != NULL) {
    status = pet_segmenter_run (both->gpu, photo, mask, &reason);
    if (status != PET_ERROR_DEVICE && status != PET_ERROR_MEMORY &&
        status != PET_ERROR_LIMIT && status != PET_ERROR_LIBRARY) {
      if (status != PET_OK && error != NULL)
        *error = reason;
      return status;
    }
    GST_ELEMENT_WARNING (network->element, LIBRARY, FAILED,
        ("%s is segmented on the CPU: %s.",
            status == PET_ERROR_DEVICE ? "From this photo on everything"
                                       : "A photo",
            reason.message),
        (NULL));
    if (status == PET_ERROR_DEVICE) {
      pet_segmenter_free (&both->gpu);
      network->device = both->is_first ? "cpu" : network->device;
    }
  }
  network->by_cpu = TRUE;
  PET_TRY (gst_pet_gpu_cut_bring (network->cut, error));
  if (both->cpu == NULL)
    PET_TRY (load_cpu_apart (both, error));
  return pet_segmenter_run (both->cpu, photo, mask, error);
}

static PetStatus
fetch_both (void *user, PetError *error)
{
  const Both *both = user;

  return gst_pet_gpu_cut_bring (both->network->cut, error);
}

static void
free_both (void *user)
{
  Both *both = user;

  pet_segmenter_free (&both->gpu);
  pet_segmenter_free (&both->cpu);
  g_free (both->location);
  g_free (both);
}

/* `gpu` NULL: all on the CPU, which has photos brought to it. */
static PetSegmenter *
with_fallback (GstPetNetwork *network, PetSegmenter *gpu,
    const GstPetNetworkOptions *options, PetError *error)
{
  Both *both = g_new0 (Both, 1);
  PetRemoteNetwork remote = {
    .run = run_both, .fetch = fetch_both, .free = free_both
  };
  PetSegmenter *segmenter = NULL, *known;
  PetSegmenterShape shape;

  both->network = network;
  both->is_first = gpu == network->segmenter;
  both->options = *options;
  both->options.location = both->location = g_strdup (options->location);
  both->gpu = gpu;
  remote.user = both;
  if (gpu == NULL && load_cpu_apart (both, error) != PET_OK) {
    free_both (both);
    return NULL;
  }
  known = gpu != NULL ? gpu : both->cpu;
  (void) pet_segmenter_shape (known, 0, &shape);
  (void) pet_segmenter_new_remote (pet_segmenter_info (known), shape.mask_width,
      shape.mask_height, &remote, &segmenter, error);
  return segmenter;
}

static gboolean
open_cpu_instead (GstPetNetwork *network, const GstPetNetworkOptions *options)
{
  network->device = "cpu";
  network->segmenter = open_cpu (network->element, options);
  return network->segmenter != NULL;
}

static gboolean
open_first (GstPetNetwork *network, const GstPetNetworkOptions *options)
{
  PetError error;
  PetStatus status;

  if (options->device == GST_PET_DEVICE_CPU)
    return open_cpu_instead (network, options);
  status = load_gpu (options, network, &error);
  if (status == PET_OK) {
    if (options->precision == GST_PET_PRECISION_BF16)
      GST_ELEMENT_WARNING (network->element, LIBRARY, SETTINGS,
          ("The GPU runs the network in fp32: it has no bf16 here."), (NULL));
    network->device = "cuda";
    if (options->device == GST_PET_DEVICE_AUTO)
      network->segmenter =
          with_fallback (network, network->segmenter, options, &error);
    if (network->segmenter == NULL)
      post_error (network->element, options, error.status, &error);
    return network->segmenter != NULL;
  }
  if (options->device == GST_PET_DEVICE_CUDA) {
    post_error (network->element, options, status, &error);
    return FALSE;
  }
  /* What is wrong with the file will be said by the CPU. */
  if (status == PET_ERROR_DEVICE || status == PET_ERROR_MEMORY ||
      status == PET_ERROR_UNSUPPORTED)
    GST_ELEMENT_WARNING (network->element, LIBRARY, INIT,
        ("No GPU is used (%s): running on the CPU.", error.message),
        ("set device=cpu to say that this is meant"));
  return open_cpu_instead (network, options);
}

/* Which file: the installed one belongs to the built-in network. */
static void
choose_second (GstPetNetwork *network, const GstPetNetworkOptions *options)
{
  network->has_second = options->second_location != NULL
      ? options->second_location[0] != '\0'
      : options->location == NULL;
  if (network->has_second)
    network->second_location = options->second_location != NULL
        ? g_strdup (options->second_location)
        : gst_pet_second_find_file ();
}

/* Not of a file that cannot be read or is none. */
static gboolean
may_be_made_elsewhere (PetStatus status)
{
  return status == PET_ERROR_DEVICE || status == PET_ERROR_MEMORY ||
      status == PET_ERROR_UNSUPPORTED || status == PET_ERROR_LIMIT ||
      status == PET_ERROR_LIBRARY;
}

/* On the device of the first; where that has no room for it, or is lost, with
 * device=auto on the CPU. */
static PetSegmenter *
take_on_card (GstPetNetwork *network, PetError *error)
{
  const GstPetNetworkOptions *options = &network->options;
  gboolean automatic = options->device == GST_PET_DEVICE_AUTO;
  PetSegmenter *gpu = NULL;
  PetStatus status = PET_ERROR_DEVICE;

  if (network->second_on_card != NULL)
    return network->second_on_card;
  if (!network->lost)
    status = load_on_card (options, network->cut, &gpu, error);
  else
    (void) pet_fail (error, status, "it is lost");
  if (status != PET_OK && !(automatic && may_be_made_elsewhere (status)))
    return NULL;
  if (status != PET_OK)
    GST_ELEMENT_WARNING (network->element, LIBRARY, FAILED,
        ("The second network runs on the CPU, the GPU has none: %s.",
            error->message),
        (NULL));
  network->second_on_card =
      automatic ? with_fallback (network, gpu, options, error) : gpu;
  return network->second_on_card;
}

static PetSegmenter *
take_second (GstPetNetwork *network, guint threads, GstPetTicket *ticket,
    PetError *error)
{
  if (network->second_location == NULL) {
    (void) pet_fail (error, PET_ERROR_IO,
        "petnet-large.onnx is neither beside the plugin nor installed");
    return NULL;
  }
  return network->cut != NULL
      ? take_on_card (network, error)
      : gst_pet_second_take (network->second, threads, ticket, error);
}

static gboolean
set_shape (GstPetNetwork *network, const PetModelInfo *info, gint mask_width,
    gint mask_height, PetError *error)
{
  const PetRemoteNetwork none = { .run = NULL };

  return pet_segmenter_new_remote (info, mask_width, mask_height, &none,
             &network->second_shape, error) == PET_OK;
}

/* A file that was asked for is loaded at once, to be good. */
static gboolean
load_second (GstPetNetwork *network, PetError *error)
{
  PetSegmenter *segmenter = take_second (network, 1, NULL, error);
  PetSegmenterShape shape;
  gboolean done;

  if (segmenter == NULL)
    return FALSE;
  (void) pet_segmenter_shape (segmenter, 0, &shape);
  done = set_shape (network, pet_segmenter_info (segmenter), shape.mask_width,
      shape.mask_height, error);
  gst_pet_network_give_back_second (network);
  return done;
}

static gboolean
open_second (GstPetNetwork *network, const GstPetNetworkOptions *options)
{
  const PetModelInfo large = { .width = GST_PET_SECOND_SIDE,
    .height = GST_PET_SECOND_SIDE };
  PetError error;
  gboolean done;

  choose_second (network, options);
  if (network->second_location == NULL)
    return TRUE;
  network->options = *options;
  network->options.location = network->second_location;
  network->options.budget = network->options.second_location = NULL;
  if (network->cut == NULL)
    network->second = gst_pet_second_join (network->second_location,
        cpu_precision (options->precision), options->budget);
  done = options->second_location != NULL
      ? load_second (network, &error)
      : set_shape (
            network, &large, GST_PET_SECOND_SIDE, GST_PET_SECOND_SIDE, &error);
  if (!done)
    post_error (network->element, &network->options, error.status, &error);
  return done;
}

gboolean
gst_pet_network_open (GstPetNetwork *network, GstElement *element,
    const GstPetNetworkOptions *options)
{
  *network = (GstPetNetwork){ .element = element };
  if (open_first (network, options) && open_second (network, options))
    return TRUE;
  gst_pet_network_close (network);
  return FALSE;
}

PetSegmenter *
gst_pet_network_take_second (
    GstPetNetwork *network, guint threads, GstPetTicket *ticket)
{
  PetError error;
  PetSegmenter *segmenter;

  if (network->second_lost)
    return NULL;
  segmenter = take_second (network, threads, ticket, &error);
  if (segmenter == NULL) {
    GST_ELEMENT_WARNING (network->element, LIBRARY, INIT,
        ("Photos are not shown to the second network: %s.", error.message),
        ("%s", GST_STR_NULL (network->second_location)));
    network->second_lost = TRUE;
    gst_pet_second_leave (&network->second);
  }
  return segmenter;
}

void
gst_pet_network_give_back_second (GstPetNetwork *network)
{
  if (network->second != NULL)
    gst_pet_second_give_back (network->second);
}

void
gst_pet_network_close (GstPetNetwork *network)
{
  pet_segmenter_free (&network->segmenter);
  pet_segmenter_free (&network->second_on_card);
  pet_segmenter_free (&network->second_shape);
  gst_pet_second_leave (&network->second);
  g_clear_pointer (&network->second_location, g_free);
  gst_pet_gpu_cut_close (&network->cut);
}

void
gst_pet_network_cut_failed (
    GstPetNetwork *network, PetStatus status, const PetError *error)
{
  GST_ELEMENT_WARNING (network->element, LIBRARY, FAILED,
      ("%s is cut out on the CPU: %s.",
          status == PET_ERROR_DEVICE ? "From this photo on everything"
                                     : "A photo",
          error->message),
      (NULL));
  network->lost = status == PET_ERROR_DEVICE;
}
