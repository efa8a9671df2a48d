// PeerReader of set_store.h: what one peer's session asks of an origin's set.
#include <utility>

#include "replicator/index_view.h"
#include "replicator/set_store.h"

namespace ha::replicator {
namespace {

constexpr std::size_t kListLimit = 512;

}  // namespace

Result<std::unique_ptr<PeerReader>> PeerReader::open(const std::string& index_path, const std::string& root,
                                                     IsUnit is_unit) {
  HA_TRY(IndexReader index, IndexReader::open(index_path));
  HA_TRY(const Identity identity, index.identity());
  HA_TRY(sys::DigestKey key, sys::DigestKey::from_bytes(identity.digest_key));
  HA_TRY(sys::Directory directory, sys::Directory::open_root(root));
  return std::unique_ptr<PeerReader>(
      new PeerReader(std::move(index), std::move(directory), std::move(key), std::move(is_unit)));
}

Result<std::vector<Listed>> PeerReader::list(const ListAction& action) {
  PassQuery query;
  query.after = action.after;
  query.up_to = action.up_to;
  query.rank = action.rank;
  query.after_key = action.after_key;
  query.limit = kListLimit;
  HA_TRY(const std::vector<Entry> entries, index_.entries_after(query));
  std::vector<Listed> items;
  items.reserve(entries.size());
  for (const Entry& entry : entries) {
    items.push_back(listed(entry));
    if (action.after > 0) {  // else it has nothing
      HA_TRY(items.back().moved, index_.is_elsewhere(entry, action.after));
    }
  }
  return items;
}

Result<Description> PeerReader::describe_spans(const DescribeAction& action) {
  IndexView view(index_);
  HA_TRY(Description description, describe(view, action.step, action.spans));
  Entry entry;
  for (Listed& leaf : description.leaves) {
    entry.key = leaf.key;
    entry.rank = leaf.rank;
    entry.content = leaf.content;
    entry.size = leaf.size;
    HA_TRY(leaf.moved, index_.is_elsewhere(entry, std::nullopt));
  }
  return description;
}

Result<PeerReader::Sorted> PeerReader::sort_ahead(const std::vector<Bytes>& keys) {
  Sorted sorted;
  for (const Bytes& key : keys) {
    HA_TRY(const std::optional<Entry> entry, index_.get(key));
    if (is_in_unit(is_unit_, key) && message_of(key)) {
      sorted.messages.push_back({key, entry && !entry->deleted});
      continue;
    }
    // Kept: the origin of that time deleted it.
    if (!entry || entry->deleted || entry->state == EntryState::Kept) {
      (entry ? sorted.deleted : sorted.absent).push_back(key);
    }  // one that has come into being is compared next time
  }
  return sorted;
}

Result<PeerReader::Built> PeerReader::build(const BuildAction& action) {
  std::vector<BuildItem> items;
  items.reserve(action.items.size());
  for (const ItemToBuild& from : action.items) {
    BuildItem item{from.key, std::nullopt, std::nullopt, from.moved};
    if (!from.basis.empty()) {
      item.basis = from.basis;
    } else if (from.have) {
      item.basis = encode_basis({*from.have, {}});
    }
    if (!from.resume.empty()) {
      item.resume = from.resume;
    }
    items.push_back(std::move(item));
  }
  BuildOptions options;
  options.ask_unknown = true;
  options.expected = [this](BytesView key) { return index_.kept_chunks(key); };
  builders_.insert_or_assign(action.batch,
                             FrameBuilder(root_, index_, key_, signatures_, std::move(items), options));
  return next(action.batch);
}

Result<PeerReader::Built> PeerReader::next(std::uint64_t batch) {
  const auto it = builders_.find(batch);
  if (it == builders_.end()) {
    return Error(Code::Internal, "a batch that is not being built");
  }
  HA_TRY(BuildStep step, it->second.next());
  Built built;
  if (auto* need = std::get_if<Need>(&step)) {
    built.need = std::move(need->ask);
    return built;
  }
  FrameReady ready{encode_frame({}), true};
  if (auto* frame = std::get_if<FrameReady>(&step)) {
    ready = std::move(*frame);
  }
  built.raw_bytes = ready.body.size();
  built.last = ready.last;
  HA_TRY(built.frame, pack_frame(compressor_, ready.body));
  if (built.last) {
    built.skipped = it->second.skipped();
    builders_.erase(it);
  }
  return built;
}

Result<PeerReader::Built> PeerReader::feed(std::uint64_t batch, BytesView answer) {
  const auto it = builders_.find(batch);
  if (it == builders_.end()) {
    return Error(Code::Internal, "an answer for a batch that is not being built");
  }
  HA_TRY(const Bytes raw, unpack_frame(decompressor_, answer));
  HA_CHECK(it->second.answer(raw));
  return next(batch);
}

}  // namespace ha::replicator
