#include "replicator/apply/precopy.h"

#include <chrono>
#include <utility>

#include "replicator/apply/staging.h"

namespace ha::replicator {
namespace {

constexpr std::uint64_t kSliceBytes = 32ULL * 1024 * 1024;
constexpr std::chrono::minutes kKeptFor{5};  // at least

}  // namespace

bool Precopy::begin(const Bytes& key) {
  if (is_reserved_key(key) || !sys::check_key(key).ok()) {
    return false;
  }
  if (!drop_old().ok() || (transfer_ && transfer_->key() != key)) {
    return false;
  }
  if (!transfer_) {
    transfer_.emplace(context_, key, Digest{}, std::nullopt);
  }
  return more();
}

bool Precopy::more() {
  if (!transfer_) {
    return false;
  }
  worked_at_ = read_clocks().steady;
  const auto more = transfer_->precopy(kSliceBytes);
  if (!more.ok() || transfer_->trouble() || transfer_->precopied_bytes() == 0) {
    static_cast<void>(drop());  // what is left is swept at the next start
    return false;
  }
  return *more;
}

std::optional<Transfer> Precopy::take(const Bytes& key, const Digest& content) {
  if (!transfer_ || transfer_->key() != key) {
    return std::nullopt;
  }
  std::optional<Transfer> taken(std::move(*transfer_));
  transfer_.reset();
  taken->take_content(content);
  return taken;
}

Status Precopy::drop() {
  if (!transfer_) {
    return ok();
  }
  const Status dropped = transfer_->discard();
  transfer_.reset();
  return dropped;
}

Status Precopy::drop_old() {
  return transfer_ && read_clocks().steady - worked_at_ > kKeptFor ? drop() : ok();
}

}  // namespace ha::replicator
