/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The readers of cgroups, PSI and meminfo, fed with trees of their own. */

#include <glib/gstdio.h>
#include <unistd.h>

#include "account.h"
#include "memory/gstpetsystem.h"
#include "memory/gstpetwatch.h"

#define MB (1024 * 1024)

static gchar *root;

static void
put (const gchar *file, const gchar *text)
{
  g_autofree gchar *path = g_build_filename (root, file, NULL);
  g_autofree gchar *folder = g_path_get_dirname (path);

  g_assert_cmpint (g_mkdir_with_parents (folder, 0700), ==, 0);
  g_assert_true (g_file_set_contents (path, text, -1, NULL));
}

static void
remove_tree (const gchar *path)
{
  GDir *folder = g_dir_open (path, 0, NULL);
  const gchar *name;

  while (folder != NULL && (name = g_dir_read_name (folder)) != NULL) {
    g_autofree gchar *below = g_build_filename (path, name, NULL);

    remove_tree (below);
  }
  g_clear_pointer (&folder, g_dir_close);
  g_remove (path);
}

static void
begin_tree (void)
{
  root = g_dir_make_tmp ("system-XXXXXX", NULL);
  g_assert_nonnull (root);
}

static void
end_tree (void)
{
  remove_tree (root);
  g_clear_pointer (&root, g_free);
}

static void
nothing_is_known (void)
{
  begin_tree ();
  g_assert_cmpuint (gst_pet_system_free (root), ==, G_MAXUINT64);
  g_assert_cmpfloat (gst_pet_system_cgroup (root), ==, GST_PET_UNKNOWN);
  g_assert_cmpfloat (gst_pet_system_available (root), ==, GST_PET_UNKNOWN);
  g_assert_cmpfloat (gst_pet_system_stalled (root), ==, GST_PET_UNKNOWN);
  g_assert_null (gst_pet_system_pressure_file (root));
  end_tree ();
}

static void
put_meminfo (void)
{
  put ("proc/meminfo",
      "MemTotal:       1024000 kB\nMemFree:  1 kB\n"
      "MemAvailable:    256000 kB\n");
}

static void
meminfo (void)
{
  begin_tree ();
  put_meminfo ();
  g_assert_cmpuint (gst_pet_system_free (root), ==, 256000 * 1024);
  g_assert_cmpfloat (gst_pet_system_available (root), ==, 0.75);
  end_tree ();
}

/* The parent's limit is the tighter one; "max" is none. */
static void
cgroup_v2 (void)
{
  begin_tree ();
  put_meminfo ();
  put ("proc/self/cgroup", "0::/shop/print\n");
  put ("sys/fs/cgroup/shop/print/memory.max", "max\n");
  put ("sys/fs/cgroup/shop/print/memory.current", "50000000\n");
  put ("sys/fs/cgroup/shop/memory.max", "100000000\n");
  put ("sys/fs/cgroup/shop/memory.current", "90000000\n");
  put ("sys/fs/cgroup/shop/memory.stat",
      "anon 5\nfile 30000000\ninactive_file 10000000\nactive_file 12000000\n"
      "file_dirty 1000000\nfile_writeback 1000000\n");
  g_assert_cmpuint (gst_pet_system_free (root), ==, 30000000);
  g_assert_cmpfloat_with_epsilon (gst_pet_system_cgroup (root), 0.7, 1e-9);

  put ("sys/fs/cgroup/shop/print/memory.max", "52000000\n");
  g_assert_cmpuint (gst_pet_system_free (root), ==, 2000000);
  put ("sys/fs/cgroup/shop/print/memory.current", "60000000\n");
  g_assert_cmpuint (gst_pet_system_free (root), ==, MB);
  g_assert_cmpfloat (gst_pet_system_cgroup (root), >, 1);
  end_tree ();
}

static void
cgroup_v1 (void)
{
  begin_tree ();
  put ("proc/self/cgroup", "12:cpu,cpuacct:/\n4:memory:/docker/7\n0::/\n");
  put ("sys/fs/cgroup/memory/docker/7/memory.limit_in_bytes", "200000000\n");
  put ("sys/fs/cgroup/memory/docker/7/memory.usage_in_bytes", "150000000\n");
  put ("sys/fs/cgroup/memory/docker/7/memory.stat",
      "inactive_file 1\ntotal_inactive_file 20000000\n"
      "total_active_file 30000000\ntotal_dirty 10000000\n");
  put ("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  put ("sys/fs/cgroup/memory/memory.usage_in_bytes", "900000000\n");
  g_assert_cmpuint (gst_pet_system_free (root), ==, 90000000);
  g_assert_cmpfloat_with_epsilon (gst_pet_system_cgroup (root), 0.55, 1e-9);
  end_tree ();
}

/* A container that sees its own group as the root, and a path outside of its
 * namespace. */
static void
cgroup_namespaces (void)
{
  static const gchar *const own[] = { "0::/\n", "0::/../../host\n",
    "0::/not/mounted/here\n" };

  for (guint i = 0; i < G_N_ELEMENTS (own); i++) {
    begin_tree ();
    put ("proc/self/cgroup", own[i]);
    put ("sys/fs/cgroup/memory.max", "64000000\n");
    put ("sys/fs/cgroup/memory.current", "48000000\n");
    g_assert_cmpfloat (gst_pet_system_cgroup (root), ==, 0.75);
    end_tree ();
  }
}

static void
nonsense_is_unknown (void)
{
  begin_tree ();
  put ("proc/self/cgroup", "garbage\n:::\n0::/a\n\n");
  put ("proc/meminfo", "MemTotal: x kB\n");
  put ("proc/pressure/memory", "some nothing\n");
  put ("sys/fs/cgroup/a/memory.max", "0\n");
  put ("sys/fs/cgroup/a/memory.current", "12\n");
  put ("sys/fs/cgroup/memory.max", "12 apples\n");
  put ("sys/fs/cgroup/memory.current", "-1\n");
  g_assert_cmpfloat (gst_pet_system_cgroup (root), ==, GST_PET_UNKNOWN);
  g_assert_cmpfloat (gst_pet_system_available (root), ==, GST_PET_UNKNOWN);
  g_assert_cmpfloat (gst_pet_system_stalled (root), ==, GST_PET_UNKNOWN);
  end_tree ();
}

static void
psi (void)
{
  begin_tree ();
  put ("proc/pressure/memory",
      "some avg10=4.00 avg60=0.00 avg300=0.00 total=9\n"
      "full avg10=90.00 avg60=0.00 avg300=0.00 total=9\n");
  g_assert_cmpfloat_with_epsilon (gst_pet_system_stalled (root), 0.04, 1e-9);
  put ("proc/self/cgroup", "0::/a\n");
  put ("sys/fs/cgroup/a/memory.pressure", "some avg10=12.50 avg60=0\n");
  g_assert_cmpfloat_with_epsilon (gst_pet_system_stalled (root), 0.125, 1e-9);
  end_tree ();
}

/* The window that needs no privilege is taken as it stands. */
static void
psi_trigger (void)
{
  GstPetWatch *watch = gst_pet_watch_new (GST_PET_WATCH_PSI, NULL);
  g_autofree gchar *file = gst_pet_system_pressure_file (NULL);

  if (file == NULL || g_access (file, W_OK) != 0)
    g_test_skip ("no PSI here that can be written");
  else
    g_assert_true (gst_pet_watch_has_trigger (watch));
  g_assert_cmpfloat (gst_pet_watch_pressure (watch), >=, 0);
  gst_pet_watch_free (&watch);
}

static gdouble
half_full (gpointer user)
{
  return *(gdouble *) user;
}

static void
the_largest_of_what_is_watched_counts (void)
{
  GstPetWatchFlags all = GST_PET_WATCH_CGROUP | GST_PET_WATCH_PSI |
      GST_PET_WATCH_AVAILABLE | GST_PET_WATCH_CUDA;
  GstPetWatch *watch;
  gdouble gpu = 0.5;

  begin_tree ();
  watch = gst_pet_watch_new (all, root);
  g_assert_cmpfloat (gst_pet_watch_pressure (watch), ==, 0);
  gst_pet_watch_set_cuda (half_full, &gpu);
  g_assert_cmpfloat (gst_pet_watch_pressure (watch), ==, 0.5);
  put_meminfo ();
  g_assert_cmpfloat (gst_pet_watch_pressure (watch), ==, 0.75);
  put ("proc/pressure/memory", "some avg10=9.00 avg60=0.00\n");
  g_assert_cmpfloat_with_epsilon (gst_pet_watch_pressure (watch), 0.9, 1e-9);
  put ("proc/self/cgroup", "0::/\n");
  put ("sys/fs/cgroup/memory.max", "1000\n");
  put ("sys/fs/cgroup/memory.current", "950\n");
  g_assert_cmpfloat (gst_pet_watch_pressure (watch), ==, 0.95);
  gpu = -1;
  g_assert_cmpfloat (gst_pet_watch_pressure (watch), ==, 0.95);
  gst_pet_watch_set_cuda (NULL, NULL);
  gst_pet_watch_free (&watch);

  watch = gst_pet_watch_new (GST_PET_WATCH_NONE, root);
  g_assert_cmpfloat (gst_pet_watch_pressure (watch), ==, 0);
  gst_pet_watch_free (&watch);
  gst_pet_watch_free (&watch);
  end_tree ();
}

/* The limit of an account that was given none. */
static void
the_system_itself (void)
{
  guint64 bytes = gst_pet_system_free (NULL);

  g_assert_cmpuint (bytes, >=, MB);
  g_assert_cmpfloat (gst_pet_system_available (NULL), <=, 1);
}

int
main (int argc, char **argv)
{
  gst_init (&argc, &argv);
  g_test_init (&argc, &argv, NULL);
#define ADD(name, function) g_test_add_func ("/system/" name, function)
  ADD ("nothing-is-known", nothing_is_known);
  ADD ("meminfo", meminfo);
  ADD ("cgroup-v2", cgroup_v2);
  ADD ("cgroup-v1", cgroup_v1);
  ADD ("cgroup-namespaces", cgroup_namespaces);
  ADD ("nonsense-is-unknown", nonsense_is_unknown);
  ADD ("psi", psi);
  ADD ("psi-trigger", psi_trigger);
  ADD ("the-largest-of-what-is-watched-counts",
      the_largest_of_what_is_watched_counts);
  ADD ("the-system-itself", the_system_itself);
#undef ADD
  return g_test_run ();
}
