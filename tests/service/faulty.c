/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* For LD_PRELOAD: faults of a service's surroundings, each on while a file of
 * its name is in the folder PET_FAULTS:
 *
 *   load    pipelines are not started, their starter waits
 *   noload  pipelines cannot be started
 *   push    the next picture that is pushed meets an error (once)
 *   disk    files of the cache are not finished, their writer waits */

#include <dlfcn.h>
#include <gst/gst.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define EXPORT __attribute__ ((visibility ("default")))

static const char *
fault_path (const char *name, char *path, size_t size)
{
  const char *folder = getenv ("PET_FAULTS");

  snprintf (
      path, size, "%s/%s", folder != NULL ? folder : "/nonexistent", name);
  return path;
}

static int
is_on (const char *name)
{
  char path[4096];

  return access (fault_path (name, path, sizeof path), F_OK) == 0;
}

static void
wait_while (const char *name)
{
  while (is_on (name))
    usleep (10000);
}

EXPORT GstStateChangeReturn
gst_element_set_state (GstElement *element, GstState state)
{
  GstStateChangeReturn (*next) (GstElement *, GstState) = NULL;

  *(void **) &next = dlsym (RTLD_NEXT, "gst_element_set_state");
  if (state == GST_STATE_PLAYING) {
    wait_while ("load");
    if (is_on ("noload"))
      return GST_STATE_CHANGE_FAILURE;
  }
  return next (element, state);
}

EXPORT GstFlowReturn
gst_pad_push (GstPad *pad, GstBuffer *buffer)
{
  GstFlowReturn (*next) (GstPad *, GstBuffer *) = NULL;
  char path[4096];

  /* Whoever removes the file has the fault. */
  if (unlink (fault_path ("push", path, sizeof path)) == 0) {
    GstElement *element = gst_pad_get_parent_element (pad);

    gst_buffer_unref (buffer);
    GST_ELEMENT_ERROR (
        element, STREAM, FAILED, ("a fault was asked for"), (NULL));
    gst_object_unref (element);
    return GST_FLOW_ERROR;
  }
  *(void **) &next = dlsym (RTLD_NEXT, "gst_pad_push");
  return next (pad, buffer);
}

EXPORT int
rename (const char *from, const char *to)
{
  if (strstr (from, "/.tmp-") != NULL)
    wait_while ("disk");
  return (int) syscall (SYS_renameat, -100, from, -100, to);
}
