/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which photo a buffer belongs to. petfoldersrc, petdec and pet-batch put it
 * on buffers; it has no tags, so every element that makes a buffer from a
 * buffer (ours, videoconvert, pngenc, ...) copies it along. */

#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

typedef struct _GstPetSourceMeta GstPetSourceMeta;

struct _GstPetSourceMeta {
  GstMeta meta;

  gchar *source;  /* path of the photo below its folder, '/' separated, or
                     whatever names it; never NULL, "" if unknown */
  gchar *stem;    /* what {stem} stands for; NULL = from source */
  gchar *dir;     /* what {dir} stands for; NULL = from source */
  gchar *problem; /* why the file could not be read, NULL if it could; the
                     buffer is empty then and petdec reports the reason */
  gchar *recipe;  /* what results are made from and how; petpngenc notes it in
                     the file (tEXt "Recipe"); NULL and "" = nothing */
  guint64 index;  /* position in its folder or stream, from 0 */
  guint64 count;  /* photos in the folder, 0 = not known */
};

GType gst_pet_source_meta_api_get_type (void);

/* Thread-safety: safe. */
const GstMetaInfo *gst_pet_source_meta_get_info (void);

/* `buffer` must be writable; `source` NULL = "". The strings are copied.
 * Returns the meta, owned by the buffer, so that stem, dir, problem and recipe
 * can be set with g_strdup'ed strings. */
GstPetSourceMeta *gst_pet_buffer_add_source_meta (
    GstBuffer *buffer, const gchar *source, guint64 index, guint64 count);

/* NULL if there is none. */
GstPetSourceMeta *gst_pet_buffer_get_source_meta (GstBuffer *buffer);

/* Copies the metas that say nothing about pixels (ours among them) to `dest`,
 * which holds an encoded form of `src`. `dest` must be writable. */
void gst_pet_buffer_copy_untagged_metas (GstBuffer *dest, GstBuffer *src);

/* The `source` and `index` fields that every message of this plugin set
 * carries, for the photo of `buffer`: sets them in `structure`. */
void gst_pet_structure_set_source (GstStructure *structure, GstBuffer *buffer);

/* The photo of `buffer` in a sentence: "\"dog.jpg\"", or "photo 3" where nothing
 * names it. Valid UTF-8, free with g_free(). */
gchar *gst_pet_buffer_name_source (GstBuffer *buffer);

/* Replaces {dir}, {stem} and {index} in `pattern`, and {{ by {. {dir} never leads
 * out of the folder: absolute paths have none, and ".." is replaced. Returns a
 * path without empty components, free with g_free(). `meta` NULL: {stem} is the
 * index in six digits. `varies`: whether any of the three was there. */
gchar *gst_pet_source_meta_expand (const GstPetSourceMeta *meta,
    guint64 fallback_index, const gchar *pattern, gboolean *varies);

/* A pattern that expands to `text`, whatever is in it. Free with g_free(). */
gchar *gst_pet_source_meta_escape (const gchar *text);

G_END_DECLS
