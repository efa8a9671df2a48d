#include "replicator/apply/transfer.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>

#include <utility>

#include "replicator/apply/file_facts.h"
#include "replicator/delta/chunker.h"
#include "replicator/model/item_hash.h"

namespace ha::replicator {
namespace {

constexpr std::size_t kElsewhereMax = 4;  // so many other keys are tried
constexpr char kOtherBasis[] = "what is here is not what the change was made for";
constexpr long kXfsMagic = 0x58465342;
constexpr long kBcachefsMagic = 0xca451a4e;

Error corrupt(const char* what) {
  return Error(Code::Corrupt, what);
}

bool can_share_blocks(const sys::FileHandle& file) {
  struct statfs facts {};
  if (::fstatfs(file.fd(), &facts) != 0) {
    return false;
  }
  const long type = facts.f_type;
  return type == BTRFS_SUPER_MAGIC || type == kXfsMagic || type == kBcachefsMagic;
}

}  // namespace

Transfer::Transfer(ApplyContext& context, Bytes key, const Digest& content,
                   std::optional<PartialTransfer> kept)
    : context_(context),
      key_(std::move(key)),
      content_(content),
      kept_(std::move(kept)),
      had_partial_(kept_.has_value()) {
  if (is_reserved_key(key_)) {
    trouble_ =
        Trouble{key_, std::string("the name \"") + kStagingName + "\" is this program's own", false, {}};
  }
}

Status Transfer::apply(const ItemPart& part) {
  if (part.content != content_) {
    return corrupt("an item has two contents in one batch");
  }
  if (part.header && !header_) {
    HA_CHECK(take_header(*part.header));
  }
  if (!part.basis.is_zero()) {
    if (!basis_.is_zero() && basis_ != part.basis) {
      return corrupt("an item has two bases in one batch");
    }
    basis_ = part.basis;
  }
  if (part.ops.empty() || trouble_) {
    return ok();
  }
  if (header_ && (header_->deleted || meta_.type != FileType::Regular)) {
    return corrupt("content for an item that is not a regular file");
  }
  had_ops_ = true;
  return settle(run(part.ops));
}

Status Transfer::take_header(const Entry& header) {
  if (header.deleted != (header.rank == Rank::Delete)) {
    return corrupt("an item header has the wrong rank");
  }
  if (!header.deleted) {
    HA_TRY(meta_, decode_meta(header.meta));
    if (rank_of(meta_.type) != header.rank || header.size > kChunkedFileBytesMax ||
        assembly_.end() > header.size) {
      return corrupt("an item header does not fit its item");
    }
    if (item_hash(context_.key, header) != header.hash) {
      return corrupt("the hash of an item header is wrong");
    }
  }
  header_ = header;
  return ok();
}

Status Transfer::run(const std::vector<Op>& ops) {
  HA_CHECK(open_staged());
  for (const Op& op : ops) {
    HA_CHECK(run_op(op));
    if (trouble_) {
      break;
    }
  }
  return ok();
}

// ---------------------------------------------------------------- files

Status Transfer::open_staged() {
  if (staged_file_.is_open()) {
    return ok();
  }
  if (kept_) {
    const PartialTransfer kept = *std::exchange(kept_, std::nullopt);
    HA_CHECK(resume_kept(kept));
    if (staged_file_.is_open()) {
      return ok();
    }
  }
  int flags = O_RDWR;
  if (!staged_.is_set()) {
    HA_TRY(staged_, context_.staging.name_for(key_));
    flags |= O_CREAT | O_EXCL;
  }
  HA_TRY(staged_file_, staged_.area->directory.open_file(staged_.name, flags, 0600));
  shares_blocks_ = can_share_blocks(staged_file_);
  return ok();
}

// Whatever is wrong with what was kept only means to start afresh.
Status Transfer::resume_kept(const PartialTransfer& kept) {
  auto staged = context_.staging.find(kept.staged);
  const auto claimed = Assembly::decode(kept.ranges);
  if (!staged.ok() || !claimed.ok()) {
    return staged.ok() ? context_.staging.discard(*staged) : ok();
  }
  auto file = staged->area->directory.open_file(staged->name, O_RDWR);
  if (!file.ok()) {
    return ok();
  }
  staged_ = *staged;
  staged_file_ = std::move(file).value();
  shares_blocks_ = can_share_blocks(staged_file_);
  return verify_kept(*claimed);
}

Status Transfer::verify_kept(const Assembly& claimed) {
  Bytes buffer;
  for (const auto& [offset, piece] : claimed.pieces()) {
    std::uint64_t at = offset;
    for (const Chunk& chunk : piece.chunks) {
      bool right = chunk.is_zeros();  // they become a hole below
      if (!right) {
        buffer.resize(chunk.length);
        HA_TRY(const std::size_t got, staged_file_.read_at(at, buffer.data(), buffer.size()));
        right = got == buffer.size() && sys::digest(context_.key, buffer) == chunk.digest;
      }
      if (right && at + chunk.length <= size_max()) {
        HA_CHECK(assembly_.add(at, {chunk}));
      }
      if (!right || chunk.is_zeros()) {
        HA_CHECK(staged_file_.punch_hole(at, chunk.length));
      }
      at += chunk.length;
    }
  }
  std::uint64_t end = 0;
  for (const ByteRange& range : assembly_.ranges()) {
    if (range.offset > end) {
      HA_CHECK(staged_file_.punch_hole(end, range.offset - end));
    }
    end = range.offset + range.bytes;
  }
  return staged_file_.truncate(end);
}

// What stands at the key itself.
Status Transfer::open_here() {
  if (live_ && live_->file.is_open()) {
    return ok();
  }
  if (!live_ || !reopen_live(context_.root, key_, *live_).ok()) {
    HA_TRY(live_, open_live(context_.root, context_.index, context_.key, key_));
    live_offsets_ = chunk_offsets(live_->chunks);
  }
  if (live_->content != precopied_content_) {
    precopied_ = 0;
  }
  return ok();
}

Status Transfer::open_basis() {
  HA_CHECK(open_here());
  return live_->content == basis_ && !basis_.is_zero() ? ok() : redo(kOtherBasis);
}

// The whole content under another key: it was moved or copied from there. False: it is nowhere.
Result<bool> Transfer::open_elsewhere() {
  HA_TRY(const std::vector<Bytes> keys, context_.index.keys_of(content_, kElsewhereMax));
  for (const Bytes& key : keys) {
    auto found = key == key_ ? Result<LiveContent>(LiveContent{})
                             : open_live(context_.root, context_.index, context_.key, key);
    if (found.ok() && found->file.is_open() && found->content == content_ &&
        total_bytes(found->chunks) == header_->size) {
      live_ = std::move(found).value();
      live_offsets_ = chunk_offsets(live_->chunks);
      precopied_ = 0;
      return true;
    }
  }
  return false;
}

// ---------------------------------------------------------------- the end

bool Transfer::covers_all() const noexcept {
  return assembly_.covered_bytes() == header_->size && assembly_.end() == header_->size;
}

std::uint64_t Transfer::size_max() const noexcept {
  return header_ ? header_->size : kChunkedFileBytesMax;
}

Result<std::optional<StagedItem>> Transfer::finish() {
  if (trouble_) {
    return std::optional<StagedItem>();
  }
  if (!header_) {
    HA_CHECK(redo("its header never came"));
    return std::optional<StagedItem>();
  }
  if (header_->deleted || meta_.type != FileType::Regular) {
    HA_CHECK(discard());
    StagedItem item;
    item.header = *header_;
    item.meta = meta_;
    return std::optional<StagedItem>(std::move(item));
  }
  std::optional<StagedItem> item;
  Status status = ok();
  if (auto finished = finish_content(); finished.ok()) {
    item = std::move(finished).value();
  } else {
    status = std::move(finished).error();
  }
  HA_CHECK(settle(std::move(status)));
  return item;
}

Result<std::optional<StagedItem>> Transfer::finish_content() {
  StagedItem item;
  if (!had_ops_ && !kept_ && basis_ == content_ && !content_.is_zero()) {
    HA_CHECK(finish_as_it_is(item));
    if (trouble_) {
      return std::optional<StagedItem>();
    }
  }
  item.header = *header_;
  item.meta = meta_;
  if (item.local.inode != 0) {
    HA_CHECK(context_.staging.discard(std::exchange(staged_, {})));  // a precopy that was not needed
    return std::optional<StagedItem>(std::move(item));
  }
  HA_CHECK(open_staged());
  if (!covers_all()) {
    HA_CHECK(redo("it was not sent completely"));
    return std::optional<StagedItem>();
  }
  item.chunks = assembly_.chunks();
  HA_TRY(const Digest content, content_digest(context_.key, item.chunks, header_->size));
  if (content != content_) {
    HA_CHECK(redo("its content does not match its digest"));
    return std::optional<StagedItem>();
  }
  HA_CHECK(staged_file_.truncate(header_->size));
  HA_CHECK(sys::apply_metadata(staged_file_, wanted_metadata(meta_, context_.names)));
  HA_TRY(const sys::Stat stat, staged_file_.stat());
  item.local = local_stat(stat);
  item.staged = staged_;
  item.had_partial = had_partial_;
  item.built_bytes = header_->size;
  return std::optional<StagedItem>(std::move(item));
}

// The content is here already. Fills in `item`, or copies the content to be staged like any other.
Status Transfer::finish_as_it_is(StagedItem& item) {
  HA_CHECK(open_here());
  if (live_->content != content_) {
    HA_TRY(const bool found, open_elsewhere());
    return found ? copy_all() : redo(kOtherBasis);
  }
  if (live_->pristine || (live_->links > 1 && !live_->indexed)) {
    // The altered file is made anew; or somebody put a link to another file here, whose owner and mode are
    // not ours to change.
    return copy_all();
  }
  item.local = live_->local;
  item.chunks = live_->chunks;
  return ok();
}

Status Transfer::copy_all() {
  HA_CHECK(open_staged());
  return live_->chunks.empty() ? ok() : copy(0, {0, static_cast<std::uint32_t>(live_->chunks.size())});
}

Status Transfer::discard() {
  staged_file_ = {};
  live_.reset();
  if (kept_) {
    if (const auto found = context_.staging.find(kept_->staged); found.ok()) {
      HA_CHECK(context_.staging.discard(*found));
    }
    kept_.reset();
  }
  return context_.staging.discard(std::exchange(staged_, {}));
}

Result<std::optional<PartialTransfer>> Transfer::keep(std::uint64_t bytes_min) {
  if (kept_ && !trouble_) {
    return std::exchange(kept_, std::nullopt);
  }
  if (trouble_ || content_.is_zero() || !staged_.is_set() || assembly_.covered_bytes() < bytes_min) {
    HA_CHECK(discard());
    return std::optional<PartialTransfer>();
  }
  HA_TRY(const sys::FileHandle file, staged_.area->directory.open_file(staged_.name, O_RDWR));
  if (context_.sync != SyncMode::None) {
    HA_CHECK(file.sync());
  }
  PartialTransfer kept;
  kept.key = key_;
  kept.content = content_;
  kept.staged = std::exchange(staged_, {}).path();
  kept.ranges = assembly_.encode();
  kept.bytes = assembly_.covered_bytes();
  return std::optional<PartialTransfer>(std::move(kept));
}

// ---------------------------------------------------------------- trouble

Status Transfer::redo(std::string reason, Trust trust) {
  auto here = open_live(context_.root, context_.index, context_.key, key_, trust);
  Trouble trouble{key_, std::move(reason), true, {}};
  if (here.ok()) {
    trouble.basis = encode_basis(here->report());
  } else {
    trouble.redo = false;
    trouble.reason += "; " + here.error().what();
  }
  trouble_ = std::move(trouble);
  return ok();
}

Status Transfer::settle(Status status) {
  staged_file_ = {};
  if (live_) {
    live_->file = {};
  }
  if (!status.ok()) {
    const Code code = status.error().code();
    if (code == Code::NoSpace || code == Code::Corrupt || code == Code::Internal) {
      return status;
    }
    trouble_ = Trouble{key_, status.error().what(), false, {}};
  }
  return ok();
}

}  // namespace ha::replicator
