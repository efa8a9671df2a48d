#include "replicator/source/frame_builder.h"

#include <algorithm>
#include <utility>

#include "replicator/model/overlay.h"
#include "replicator/source/content_reader.h"
#include "replicator/source/item_builder.h"
#include "replicator/source/signature_maker.h"

namespace ha::replicator {
namespace {

Entry tombstone_of(Bytes key, std::uint64_t sequence) {
  Entry out;
  out.key = std::move(key);
  out.sequence = sequence;
  out.deleted = true;
  out.rank = Rank::Delete;
  return out;
}

bool has_content(const Entry& entry) {
  return entry.rank == Rank::Content && !entry.content.is_zero();
}

}  // namespace

class FrameBuilder::State {
 public:
  State(const sys::Directory& root, IndexQueries& index, const sys::DigestKey& key,
        SignatureStore& signatures, std::vector<BuildItem> items, BuildOptions options)
      : root_(&root),
        index_(&index),
        key_(key),
        signatures_(&signatures),
        items_(std::move(items)),
        options_(std::move(options)),
        draft_(options_.frame_bytes_max) {}

  Result<BuildStep> next();
  Status answer(BytesView reply);
  [[nodiscard]] const std::vector<SkippedItem>& skipped() const noexcept { return skipped_; }
  [[nodiscard]] const BuildStats& stats() const noexcept { return stats_; }

 private:
  Status start(const BuildItem& item);
  Status start_content(const BuildItem& item, Entry entry);
  Result<Basis> basis_of(const BuildItem& item, const Entry& entry);
  Result<Basis> complete(const Entry& entry, Digest content, ChunkList chunks);
  Result<ChunkList> chunks_of(const Entry& entry);
  Result<ChunkList> read_chunks_of(const Entry& entry);
  void skip(const Bytes& key, const Error& error);
  void skip(const Bytes& key, SkipReason reason, std::string what);
  Result<bool> could_not_be_read(BytesView key);
  void add_header(const Entry& entry);

  const sys::Directory* root_;
  IndexQueries* index_;
  sys::DigestKey key_;
  SignatureStore* signatures_;
  std::vector<BuildItem> items_;
  BuildOptions options_;
  std::size_t next_item_ = 0;
  FrameDraft draft_;
  std::optional<ItemBuilder> current_;
  std::optional<Bytes> question_;  // to be put after the frame that was begun before it
  bool waiting_ = false;
  bool finished_ = false;
  std::vector<SkippedItem> skipped_;
  BuildStats stats_;
};

Result<BuildStep> FrameBuilder::State::next() {
  if (waiting_) {
    return Error(Code::Internal, "a frame builder was asked to go on without its answer");
  }
  if (finished_) {
    return BuildStep(Finished{});
  }
  for (;;) {
    if (question_) {
      if (!draft_.empty()) {
        return BuildStep(FrameReady{draft_.take(), false});
      }
      waiting_ = true;
      return BuildStep(Need{*std::exchange(question_, std::nullopt)});
    }
    const bool all = !current_ && next_item_ == items_.size();
    if (all || draft_.full()) {
      finished_ = all;
      return BuildStep(FrameReady{draft_.take(), all});
    }
    if (!current_) {
      HA_CHECK(start(items_[next_item_++]));
      continue;
    }
    HA_TRY(ItemBuilder::Outcome outcome, current_->advance(draft_));
    if (std::holds_alternative<ItemBuilder::Done>(outcome)) {
      ++stats_.items;
      current_.reset();
    } else if (auto* request = std::get_if<SignatureRequest>(&outcome)) {
      question_ = encode_request(*request);
    } else if (auto* dropped = std::get_if<ItemBuilder::Dropped>(&outcome)) {
      draft_.drop(current_->key());
      skip(current_->key(), dropped->reason, std::move(dropped->what));
      current_.reset();
    }
  }
}

Status FrameBuilder::State::answer(BytesView reply) {
  if (!waiting_) {
    return Error(Code::Corrupt, "an answer that nobody has asked for");
  }
  HA_TRY(SignatureReply decoded, decode_reply(reply));
  HA_CHECK(current_->answer(std::move(decoded)));
  waiting_ = false;
  return ok();
}

Status FrameBuilder::State::start(const BuildItem& item) {
  HA_TRY(std::optional<Entry> entry, index_->get(item.key));
  HA_TRY(const bool unknown, entry ? Result<bool>(false) : could_not_be_read(item.key));
  if (unknown) {
    skip(item.key, SkipReason::Unreadable, "nobody knows whether it is there: it could not be read here");
  } else if (!entry || entry->deleted || entry->state == EntryState::Kept) {
    add_header(tombstone_of(item.key, entry ? entry->sequence : 0));
  } else if (entry->state == EntryState::Failed) {
    skip(item.key, SkipReason::Unreadable, "it could not be read or applied here");
  } else if (!has_content(*entry)) {
    add_header(*entry);
  } else {
    return start_content(item, *std::move(entry));
  }
  return ok();
}

// The item, or a directory above it, while this index has not seen it yet. What a new index could not read
// would look deleted to replicas that have it.
Result<bool> FrameBuilder::State::could_not_be_read(BytesView key) {
  for (std::size_t end = key.size(); end != Bytes::npos && end > 0; end = key.rfind('/', end - 1)) {
    HA_TRY(const auto failure, index_->failure(key.substr(0, end)));
    if (failure) {
      return true;
    }
  }
  return false;
}

void FrameBuilder::State::add_header(const Entry& entry) {
  draft_.begin(entry, Digest{}, true);
  ++stats_.items;
}

Status FrameBuilder::State::start_content(const BuildItem& item, Entry entry) {
  HA_TRY(Basis basis, basis_of(item, entry));
  ItemBuilder::Job job;
  if (item.resume) {
    HA_TRY(job.resume, decode_ranges(*item.resume));
  }
  if (basis.content != entry.content) {
    auto chunks = chunks_of(entry);
    if (!chunks.ok()) {
      skip(entry.key, chunks.error());
      return ok();
    }
    job.chunks = std::move(chunks).value();
  }
  job.entry = std::move(entry);
  job.basis = std::move(basis);
  current_.emplace(*root_, key_, *signatures_, stats_, std::move(job));
  return ok();
}

Result<Basis> FrameBuilder::State::basis_of(const BuildItem& item, const Entry& entry) {
  if (item.moved == entry.content) {
    return Basis{entry.content, {}, false};
  }
  if (item.basis) {
    HA_TRY(BasisReport report, decode_basis(*item.basis));
    return complete(entry, report.content, std::move(report.chunks));
  }
  if (options_.expected) {
    HA_TRY(const std::optional<StoredChunks> expected, options_.expected(entry.key));
    if (expected) {
      HA_TRY(ChunkList chunks, decode_chunks(expected->list));
      return complete(entry, expected->content, std::move(chunks));
    }
  }
  Basis unknown;
  unknown.ask = options_.ask_unknown && entry.size > kDataChunkBytesMax;
  return unknown;
}

// `content` is what the replica is said to have; its chunk list may have to be found.
Result<Basis> FrameBuilder::State::complete(const Entry& entry, Digest content, ChunkList chunks) {
  Basis basis;
  basis.content = content;
  if (content.is_zero() || content == entry.content) {
    return basis;
  }
  if (entry.size <= kWholeFileBytesMax) {
    return Basis{};
  }
  if (chunks.empty()) {
    HA_TRY(const std::optional<Bytes> list, index_->find_chunks(entry.key, content));
    if (!list) {
      Basis unknown;
      unknown.ask = true;
      return unknown;
    }
    HA_TRY(chunks, decode_chunks(*list));
  }
  basis.chunks = std::move(chunks);
  return basis;
}

Result<ChunkList> FrameBuilder::State::chunks_of(const Entry& entry) {
  if (entry.size == 0) {
    return ChunkList{};
  }
  HA_TRY(const std::optional<Bytes> list, index_->find_chunks(entry.key, entry.content));
  if (list) {
    auto chunks = decode_chunks(*list);
    if (chunks.ok() && total_bytes(*chunks) == entry.size) {
      return chunks;
    }
  }
  if (entry.size <= kDataChunkBytesMax) {
    return ChunkList{{static_cast<std::uint32_t>(entry.size), entry.content}};
  }
  return read_chunks_of(entry);
}

// The list is missing or damaged: it can be made again as long as the file is what the index says.
Result<ChunkList> FrameBuilder::State::read_chunks_of(const Entry& entry) {
  HA_TRY(const sys::FileHandle file, root_->open_regular(content_path(entry)));
  HA_TRY(sys::Stat stat, file.stat());
  stat.size = entry.state == EntryState::Overlaid ? std::min(stat.size, entry.size) : stat.size;
  ContentReader reader(key_);
  HA_TRY(Content content, reader.read(file, stat, [](std::uint64_t) { return true; }));
  if (content.digest != entry.content) {
    return Error(Code::Conflict, in_quotes(entry.key) + " has changed since it was indexed");
  }
  return std::move(content.chunks);
}

void FrameBuilder::State::skip(const Bytes& key, const Error& error) {
  const SkipReason reason = error.code() == Code::NotFound   ? SkipReason::Vanished
                            : error.code() == Code::Conflict ? SkipReason::Changed
                                                             : SkipReason::Unreadable;
  skip(key, reason, error.what());
}

void FrameBuilder::State::skip(const Bytes& key, SkipReason reason, std::string what) {
  skipped_.push_back({key, reason, std::move(what)});
}

FrameBuilder::FrameBuilder(const sys::Directory& root, IndexQueries& index, const sys::DigestKey& key,
                           SignatureStore& signatures, std::vector<BuildItem> items, BuildOptions options)
    : state_(std::make_unique<State>(root, index, key, signatures, std::move(items), std::move(options))) {}
FrameBuilder::~FrameBuilder() = default;
FrameBuilder::FrameBuilder(FrameBuilder&&) noexcept = default;
FrameBuilder& FrameBuilder::operator=(FrameBuilder&&) noexcept = default;

Result<BuildStep> FrameBuilder::next() {
  return state_->next();
}
Status FrameBuilder::answer(BytesView reply) {
  return state_->answer(reply);
}
const std::vector<SkippedItem>& FrameBuilder::skipped() const noexcept {
  return state_->skipped();
}
const BuildStats& FrameBuilder::stats() const noexcept {
  return state_->stats();
}

}  // namespace ha::replicator
