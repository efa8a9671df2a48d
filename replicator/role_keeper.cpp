#include "replicator/role_keeper.h"

#include <utility>

namespace ha::replicator {
namespace {

constexpr const char* kFile = "roles";
constexpr mode_t kMode = 0600;

}  // namespace

Result<RoleKeeper> RoleKeeper::open(const std::string& state_dir, const std::string& site, Logger& log) {
  HA_TRY(sys::Directory directory, sys::Directory::open_root(state_dir));
  RoleKeeper keeper(std::move(directory), RoleBook(site), log);
  auto bytes = sys::read_file(keeper.directory_, kFile, kRoleBookBytesMax);
  if (!bytes.ok() && bytes.error().code() == Code::NotFound) {
    return keeper;
  }
  auto book = bytes.ok() ? RoleBook::decode(site, *bytes) : Result<RoleBook>(bytes.error());
  if (book.ok()) {
    keeper.book_ = std::move(book).value();
    keeper.kept_ = std::move(bytes).value();
  } else {
    log.error("roles.damaged", book.error());
  }
  return keeper;
}

Status RoleKeeper::take(const RoleOrder& order, SteadyTime now) {
  HA_CHECK(book_.take(order, now));
  Bytes bytes = book_.encode();
  if (bytes == kept_) {
    return ok();
  }
  const Status written = sys::replace_file(directory_, kFile, bytes, kMode);
  if (written.ok()) {
    kept_ = std::move(bytes);
  } else {
    log_->warn("roles.not_written", written.error());
  }
  return ok();
}

}  // namespace ha::replicator
