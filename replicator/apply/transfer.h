// One item on its way in: its staged file grows by the instructions that arrive, until it is complete.
//
// Every chunk is checked against its digest before it is written (or, where blocks are shared, before it
// counts), so what the assembly covers is right. Files are open during a call only; memory is the chunk
// lists. Not here: putting it in its place (publisher.h). Thread safety: that of the FileTarget.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "replicator/apply/apply_context.h"
#include "replicator/apply/assembly.h"
#include "replicator/apply/live_content.h"
#include "replicator/apply/staged_item.h"
#include "replicator/model/frame.h"

namespace ha::replicator {

class Transfer {
 public:
  // `context` must outlive it. `kept`: what an earlier connection left of this very content.
  Transfer(ApplyContext& context, Bytes key, const Digest& content, std::optional<PartialTransfer> kept);

  // Errors are those that end the stream (Corrupt, NoSpace); what goes wrong with this item alone becomes its
  // trouble(), and the rest of its parts is ignored.
  Status apply(const ItemPart& part);
  // All parts have been there: the item to publish, or none and trouble() says why.
  [[nodiscard]] Result<std::optional<StagedItem>> finish();
  [[nodiscard]] const std::optional<Trouble>& trouble() const noexcept { return trouble_; }

  // Before there is any part: copies up to `bytes` more of what is here now to where it would stay if nothing
  // moved, for parts to come. False: all is done, or it is of no use here.
  [[nodiscard]] Result<bool> precopy(std::uint64_t bytes);
  // That ZerosOps said so far. They cost nothing to send, and memory here.
  [[nodiscard]] std::uint64_t zero_bytes() const noexcept { return zero_bytes_; }
  [[nodiscard]] std::uint64_t precopied_bytes() const noexcept { return precopied_; }
  // The content that the parts to come are of; only after precopy().
  void take_content(const Digest& content) {
    content_ = content;
    basis_ = {};
  }
  [[nodiscard]] const Bytes& key() const noexcept { return key_; }

  // Lets go of what is staged.
  Status discard();
  // The same, but what has at least `bytes_min` is synced and described, to be resumed.
  [[nodiscard]] Result<std::optional<PartialTransfer>> keep(std::uint64_t bytes_min);

 private:
  Status take_header(const Entry& header);
  Status run(const std::vector<Op>& ops);
  Status run_op(const Op& op);
  Status copy(std::uint64_t offset, const CopyOp& op);
  [[nodiscard]] std::size_t group_end(std::size_t first, std::size_t last) const;
  Status copy_group(std::size_t first, std::size_t last, std::uint64_t to);
  Status share_blocks(std::uint64_t from, std::uint64_t to, std::uint64_t length);
  Status literal(std::uint64_t offset, const LiteralOp& op);
  Status patch(std::uint64_t offset, const PatchOp& op);
  Status zeros(std::uint64_t offset, const ZerosOp& op);
  [[nodiscard]] Result<Bytes> read_old_run(std::size_t first, std::size_t count);
  // `data` is that of `chunks`: writes it if every digest is right, otherwise the item is to be redone.
  Status write_checked(std::uint64_t offset, const ChunkList& chunks, BytesView data, const char* what);
  Status write_data(std::uint64_t offset, BytesView data);
  // Makes the range a hole again where the precopy has left something.
  Status clear(std::uint64_t offset, std::uint64_t bytes);
  Status open_staged();
  Status resume_kept(const PartialTransfer& kept);
  Status verify_kept(const Assembly& claimed);
  Status open_here();
  Status open_basis();
  [[nodiscard]] Result<bool> open_elsewhere();
  [[nodiscard]] Result<std::optional<StagedItem>> finish_content();
  Status finish_as_it_is(StagedItem& item);
  Status copy_all();
  Status check_old_run(std::uint32_t first, std::uint32_t count) const;
  [[nodiscard]] bool covers_all() const noexcept;
  [[nodiscard]] std::uint64_t size_max() const noexcept;

  // The item ends here; the origin is told what there is to build upon.
  Status redo(std::string reason, Trust trust = Trust::Index);
  // Sorts errors into this item's and the stream's; closes files.
  Status settle(Status status);

  ApplyContext& context_;
  Bytes key_;
  Digest content_;
  std::optional<PartialTransfer> kept_;
  bool had_partial_ = false;
  bool had_ops_ = false;
  std::optional<Entry> header_;
  FileMeta meta_;
  Digest basis_;
  Assembly assembly_;
  StagedName staged_;
  sys::FileHandle staged_file_;
  bool shares_blocks_ = false;  // the staged file's file system can
  std::optional<LiveContent> live_;
  std::vector<std::uint64_t> live_offsets_;
  std::size_t next_precopied_ = 0;  // chunk of live_
  std::uint64_t precopied_ = 0;     // bytes that are those of precopied_content_
  Digest precopied_content_;
  std::uint64_t zero_bytes_ = 0;
  std::uint64_t written_through_ = 0;  // by the precopy: beyond, what is not covered is a hole
  std::optional<Trouble> trouble_;
};

}  // namespace ha::replicator
