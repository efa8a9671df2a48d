// lossyfs: a FUSE file system that loses, on demand, everything that was not synced.
//
// What is durable when is lossyfs_tree.h; this is the glue to libfuse's low-level interface. One thread.
// Commands come as an extended attribute of the mount point, so that they are in order with everything else:
//   setfattr -n user.lossyfs -v "lose" MOUNT      (or: lossyfs ctl MOUNT lose [SEED])
// Node ids (the kernel's handles) are never reused and are all forgotten at a loss, so that no cache of the
// kernel and no open file survives one: they answer ESTALE. Inode numbers (st_ino) stay, as after a reboot.
// Locks are the kernel's own. ACLs are kept as attributes, neither enforced nor inherited.
// O_TMPFILE is refused.
// Source: libfuse 3.14, fuse_lowlevel.h.
#define FUSE_USE_VERSION 314

#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fuse_lowlevel.h>

#include "tests/support/lossyfs_nodes.h"

namespace ha::lossyfs {
namespace {

constexpr double kNoCaching = 0;  // of attributes and names

Nodes& files(fuse_req_t request) {
  return *static_cast<Nodes*>(fuse_req_userdata(request));
}

// Null when the kernel's handle is from before a loss; then the request has been answered.
InodePtr inode_of(fuse_req_t request, fuse_ino_t id) {
  InodePtr inode = files(request).find(id);
  if (!inode) {
    fuse_reply_err(request, ESTALE);
  }
  return inode;
}

fuse_entry_param entry_of(Nodes& nodes, const InodePtr& inode) {
  fuse_entry_param entry{};
  entry.ino = nodes.hand_out(inode);
  entry.attr = stat_of(*inode);
  entry.attr_timeout = kNoCaching;
  entry.entry_timeout = kNoCaching;
  return entry;
}

void reply_entry(fuse_req_t request, const InodePtr& inode) {
  const fuse_entry_param entry = entry_of(files(request), inode);
  fuse_reply_entry(request, &entry);
}

void reply_attributes(fuse_req_t request, const Inode& inode) {
  const struct stat status = stat_of(inode);
  fuse_reply_attr(request, &status, kNoCaching);
}

void lookup(fuse_req_t request, fuse_ino_t parent, const char* name) {
  const InodePtr folder = inode_of(request, parent);
  if (!folder) {
    return;
  }
  if (const InodePtr inode = files(request).tree().find(folder, name)) {
    reply_entry(request, inode);
  } else {
    fuse_reply_err(request, std::strlen(name) > kNameBytesMax ? ENAMETOOLONG : ENOENT);
  }
}

void forget(fuse_req_t request, fuse_ino_t id, std::uint64_t count) {
  files(request).forget(id, count);
  fuse_reply_none(request);
}

void forget_multi(fuse_req_t request, std::size_t count, fuse_forget_data* forgets) {
  for (std::size_t i = 0; i < count; ++i) {
    files(request).forget(forgets[i].ino, forgets[i].nlookup);
  }
  fuse_reply_none(request);
}

void getattr(fuse_req_t request, fuse_ino_t id, fuse_file_info*) {
  if (const InodePtr inode = inode_of(request, id)) {
    reply_attributes(request, *inode);
  }
}

void setattr(fuse_req_t request, fuse_ino_t id, struct stat* wanted, int which, fuse_file_info*) {
  const InodePtr inode = inode_of(request, id);
  if (!inode) {
    return;
  }
  const timespec now = wall_time();
  Attributes& a = inode->now.attributes;
  if ((which & FUSE_SET_ATTR_MODE) != 0) {
    set_mode(a, wanted->st_mode);
  }
  if ((which & FUSE_SET_ATTR_UID) != 0) {
    a.uid = wanted->st_uid;
  }
  if ((which & FUSE_SET_ATTR_GID) != 0) {
    a.gid = wanted->st_gid;
  }
  if ((which & FUSE_SET_ATTR_SIZE) != 0) {
    files(request).tree().resize(*inode, static_cast<std::uint64_t>(wanted->st_size));
    a.mtime = now;
  }
  if ((which & FUSE_SET_ATTR_ATIME) != 0) {
    a.atime = (which & FUSE_SET_ATTR_ATIME_NOW) != 0 ? now : wanted->st_atim;
  }
  if ((which & FUSE_SET_ATTR_MTIME) != 0) {
    a.mtime = (which & FUSE_SET_ATTR_MTIME_NOW) != 0 ? now : wanted->st_mtim;
  }
  a.ctime = now;
  reply_attributes(request, *inode);
}

void readlink(fuse_req_t request, fuse_ino_t id) {
  if (const InodePtr inode = inode_of(request, id)) {
    fuse_reply_readlink(request, inode->target.c_str());
  }
}

Caller caller(fuse_req_t request) {
  const fuse_ctx* context = fuse_req_ctx(request);
  return {context->uid, context->gid};
}

void make_and_reply(fuse_req_t request, fuse_ino_t parent, const char* name, mode_t mode, dev_t device,
                    std::string target) {
  const InodePtr folder = inode_of(request, parent);
  if (!folder) {
    return;
  }
  InodePtr made;
  if (const int error =
          files(request).make(caller(request), folder, {name, mode, device, std::move(target)}, made);
      error != 0) {
    fuse_reply_err(request, error);
  } else {
    reply_entry(request, made);
  }
}

void mknod(fuse_req_t request, fuse_ino_t parent, const char* name, mode_t mode, dev_t device) {
  make_and_reply(request, parent, name, mode, device, {});
}

void mkdir(fuse_req_t request, fuse_ino_t parent, const char* name, mode_t mode) {
  make_and_reply(request, parent, name, S_IFDIR | mode, 0, {});
}

void symlink(fuse_req_t request, const char* target, fuse_ino_t parent, const char* name) {
  make_and_reply(request, parent, name, S_IFLNK | 0777, 0, target);
}

void create(fuse_req_t request, fuse_ino_t parent, const char* name, mode_t mode, fuse_file_info* file) {
  const InodePtr folder = inode_of(request, parent);
  if (!folder) {
    return;
  }
  InodePtr made;
  if (const int error = files(request).make(caller(request), folder, {name, S_IFREG | mode, 0, {}}, made);
      error != 0) {
    fuse_reply_err(request, error);
    return;
  }
  const fuse_entry_param entry = entry_of(files(request), made);
  fuse_reply_create(request, &entry, file);
}

void remove(fuse_req_t request, fuse_ino_t parent, const char* name, bool directory) {
  if (const InodePtr folder = inode_of(request, parent)) {
    fuse_reply_err(request, files(request).tree().remove(folder, name, directory, wall_time()));
  }
}

void unlink(fuse_req_t request, fuse_ino_t parent, const char* name) {
  remove(request, parent, name, false);
}

void rmdir(fuse_req_t request, fuse_ino_t parent, const char* name) {
  remove(request, parent, name, true);
}

void rename(fuse_req_t request, fuse_ino_t from_parent, const char* from, fuse_ino_t to_parent,
            const char* to, unsigned flags) {
  const InodePtr from_folder = inode_of(request, from_parent);
  const InodePtr to_folder = from_folder ? inode_of(request, to_parent) : nullptr;
  if (to_folder) {
    fuse_reply_err(request,
                   files(request).tree().rename(from_folder, from, to_folder, to, flags, wall_time()));
  }
}

void link(fuse_req_t request, fuse_ino_t id, fuse_ino_t parent, const char* name) {
  const InodePtr inode = inode_of(request, id);
  const InodePtr folder = inode ? inode_of(request, parent) : nullptr;
  if (!folder) {
    return;
  }
  if (const int error = files(request).tree().link(folder, name, inode, wall_time()); error != 0) {
    fuse_reply_err(request, error);
  } else {
    reply_entry(request, inode);
  }
}

void open(fuse_req_t request, fuse_ino_t id, fuse_file_info* file) {
  const InodePtr inode = inode_of(request, id);
  if (!inode) {
    return;
  }
  if ((file->flags & O_TRUNC) != 0) {
    files(request).tree().resize(*inode, 0);
    inode->now.attributes.mtime = inode->now.attributes.ctime = wall_time();
  }
  fuse_reply_open(request, file);
}

void read(fuse_req_t request, fuse_ino_t id, std::size_t bytes, off_t offset, fuse_file_info*) {
  if (const InodePtr inode = inode_of(request, id)) {
    const auto data = files(request).tree().read(*inode, static_cast<std::uint64_t>(offset), bytes);
    fuse_reply_buf(request, reinterpret_cast<const char*>(data.data()), data.size());
  }
}

void write(fuse_req_t request, fuse_ino_t id, const char* data, std::size_t bytes, off_t offset,
           fuse_file_info*) {
  const InodePtr inode = inode_of(request, id);
  if (!inode) {
    return;
  }
  const auto span = std::as_bytes(std::span(data, bytes));
  const int error =
      files(request).tree().write(*inode, static_cast<std::uint64_t>(offset), span, wall_time());
  if (error != 0) {
    fuse_reply_err(request, error);
  } else {
    fuse_reply_write(request, bytes);
  }
}

void no_work(fuse_req_t request, fuse_ino_t, fuse_file_info*) {
  fuse_reply_err(request, 0);
}

void fsync(fuse_req_t request, fuse_ino_t id, int, fuse_file_info*) {
  if (const InodePtr inode = inode_of(request, id)) {
    files(request).tree().sync_file(*inode);
    fuse_reply_err(request, 0);
  }
}

void fsyncdir(fuse_req_t request, fuse_ino_t id, int, fuse_file_info*) {
  if (const InodePtr inode = inode_of(request, id)) {
    files(request).tree().sync_directory(inode);
    fuse_reply_err(request, 0);
  }
}

void opendir(fuse_req_t request, fuse_ino_t id, fuse_file_info* file) {
  if (inode_of(request, id)) {
    file->fh = files(request).open_listing();
    fuse_reply_open(request, file);
  }
}

void readdir(fuse_req_t request, fuse_ino_t id, std::size_t bytes, off_t offset, fuse_file_info* file) {
  const InodePtr folder = inode_of(request, id);
  if (!folder) {
    return;
  }
  const Listing& listing = files(request).listing(file->fh, *folder, offset == 0);
  std::vector<char> out(bytes);
  std::size_t used = 0;
  for (auto i = static_cast<std::size_t>(offset); i < listing.size(); ++i) {
    struct stat status {};
    status.st_ino = listing[i].number;
    status.st_mode = listing[i].mode;
    const std::size_t needed = fuse_add_direntry(request, out.data() + used, bytes - used,
                                                 listing[i].name.c_str(), &status, static_cast<off_t>(i + 1));
    if (needed > bytes - used) {
      break;
    }
    used += needed;
  }
  fuse_reply_buf(request, out.data(), used);
}

void releasedir(fuse_req_t request, fuse_ino_t, fuse_file_info* file) {
  files(request).close_listing(file->fh);
  fuse_reply_err(request, 0);
}

void statfs(fuse_req_t request, fuse_ino_t) {
  const Tree& tree = files(request).tree();
  struct statvfs status {};
  status.f_bsize = status.f_frsize = kPageBytes;
  status.f_blocks = tree.capacity_bytes() / kPageBytes;
  status.f_bfree = (tree.capacity_bytes() - std::min(tree.used_bytes(), tree.capacity_bytes())) / kPageBytes;
  status.f_bavail = status.f_bfree;
  status.f_files = status.f_ffree = status.f_favail = 1U << 20;
  status.f_namemax = kNameBytesMax;
  fuse_reply_statfs(request, &status);
}

void setxattr(fuse_req_t request, fuse_ino_t id, const char* name, const char* value, std::size_t bytes,
              int flags) {
  const InodePtr inode = inode_of(request, id);
  if (!inode) {
    return;
  }
  if (id == FUSE_ROOT_ID && std::string_view(name) == kControlAttribute) {
    fuse_reply_err(request, files(request).command({value, bytes}));
    return;
  }
  fuse_reply_err(request, set_xattr(inode->now.attributes, name, std::string(value, bytes), flags));
}

// A size of 0 asks how much there is.
void reply_text(fuse_req_t request, const std::string& text, std::size_t bytes) {
  if (bytes == 0) {
    fuse_reply_xattr(request, text.size());
  } else if (bytes < text.size()) {
    fuse_reply_err(request, ERANGE);
  } else {
    fuse_reply_buf(request, text.data(), text.size());
  }
}

void getxattr(fuse_req_t request, fuse_ino_t id, const char* name, std::size_t bytes) {
  const InodePtr inode = inode_of(request, id);
  if (!inode) {
    return;
  }
  const auto& xattrs = inode->now.attributes.xattrs;
  const auto xattr = xattrs.find(name);
  if (xattr == xattrs.end()) {
    fuse_reply_err(request, ENODATA);
  } else {
    reply_text(request, xattr->second, bytes);
  }
}

void listxattr(fuse_req_t request, fuse_ino_t id, std::size_t bytes) {
  if (const InodePtr inode = inode_of(request, id)) {
    std::string names;
    for (const auto& [name, value] : inode->now.attributes.xattrs) {
      names.append(name).push_back('\0');
    }
    reply_text(request, names, bytes);
  }
}

void removexattr(fuse_req_t request, fuse_ino_t id, const char* name) {
  if (const InodePtr inode = inode_of(request, id)) {
    inode->now.attributes.ctime = wall_time();
    const bool removed = inode->now.attributes.xattrs.erase(name) != 0;
    fuse_reply_err(request, removed ? 0 : ENODATA);
  }
}

void fallocate(fuse_req_t request, fuse_ino_t id, int mode, off_t offset, off_t bytes, fuse_file_info*) {
  const InodePtr inode = inode_of(request, id);
  if (!inode) {
    return;
  }
  const auto from = static_cast<std::uint64_t>(offset);
  const auto length = static_cast<std::uint64_t>(bytes);
  if ((mode & ~(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE)) != 0) {
    fuse_reply_err(request, EOPNOTSUPP);
    return;
  }
  Tree& tree = files(request).tree();
  Attributes& a = inode->now.attributes;
  if ((mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE)) != 0) {
    tree.punch(*inode, from, length);
  }
  if ((mode & FALLOC_FL_KEEP_SIZE) == 0 && from + length > a.size_bytes) {
    tree.resize(*inode, from + length);
  }
  a.mtime = a.ctime = wall_time();
  fuse_reply_err(request, 0);
}

void lseek(fuse_req_t request, fuse_ino_t id, off_t offset, int whence, fuse_file_info*) {
  const InodePtr inode = inode_of(request, id);
  if (!inode) {
    return;
  }
  const auto found =
      files(request).tree().seek(*inode, static_cast<std::uint64_t>(offset), whence == SEEK_DATA);
  if (found) {
    fuse_reply_lseek(request, static_cast<off_t>(*found));
  } else {
    fuse_reply_err(request, ENXIO);
  }
}

void init(void*, fuse_conn_info* connection) {
  // Every write must reach us when it is made, not when the kernel feels like it.
  connection->want &= ~static_cast<unsigned>(FUSE_CAP_WRITEBACK_CACHE);
}

fuse_lowlevel_ops operations() {
  fuse_lowlevel_ops ops{};
  ops.init = init;
  ops.lookup = lookup;
  ops.forget = forget;
  ops.forget_multi = forget_multi;
  ops.getattr = getattr;
  ops.setattr = setattr;
  ops.readlink = readlink;
  ops.mknod = mknod;
  ops.mkdir = mkdir;
  ops.symlink = symlink;
  ops.create = create;
  ops.unlink = unlink;
  ops.rmdir = rmdir;
  ops.rename = rename;
  ops.link = link;
  ops.open = open;
  ops.read = read;
  ops.write = write;
  ops.flush = no_work;
  ops.release = no_work;
  ops.fsync = fsync;
  ops.opendir = opendir;
  ops.readdir = readdir;
  ops.releasedir = releasedir;
  ops.fsyncdir = fsyncdir;
  ops.statfs = statfs;
  ops.setxattr = setxattr;
  ops.getxattr = getxattr;
  ops.listxattr = listxattr;
  ops.removexattr = removexattr;
  ops.fallocate = fallocate;
  ops.lseek = lseek;
  return ops;
}

}  // namespace

int serve(const char* mount_point) {
  char name[] = "lossyfs";
  char option[] = "-o";
  char options[] = "default_permissions,allow_other,dev,suid,fsname=lossyfs,subtype=lossyfs";
  char* arguments[] = {name, option, options};
  fuse_args args = FUSE_ARGS_INIT(3, arguments);
  const fuse_lowlevel_ops ops = operations();
  Nodes nodes;
  fuse_session* session = fuse_session_new(&args, &ops, sizeof ops, &nodes);
  fuse_opt_free_args(&args);
  if (session == nullptr) {
    return 1;
  }
  int status = 1;
  if (fuse_set_signal_handlers(session) == 0 && fuse_session_mount(session, mount_point) == 0) {
    std::puts("ready");
    std::fflush(stdout);
    status = fuse_session_loop(session) < 0 ? 1 : 0;  // the number of a signal is a good end
    fuse_session_unmount(session);
  }
  fuse_remove_signal_handlers(session);
  fuse_session_destroy(session);
  return status;
}

}  // namespace ha::lossyfs
