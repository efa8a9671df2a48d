// The instructions for one regular file: walks its plan, reads what has to be sent, and makes the deltas.
//
// Knows nothing of batches. Thread safety: one thread at a time. Memory: the plan, one run of at most
// kRunNewBytesMax and its delta, and the signatures of one answer.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <variant>
#include <vector>

#include "common/sys/digest.h"
#include "common/sys/file.h"
#include "replicator/delta/plan.h"
#include "replicator/delta/signature.h"
#include "replicator/source/frame_builder.h"
#include "replicator/source/frame_draft.h"

namespace ha::replicator {

// What the replica has of an item, as far as is known.
struct Basis {
  Digest content;  // zero: nothing
  ChunkList chunks;
  bool ask = false;  // it is not known, and worth a question
};

class ItemBuilder {
 public:
  struct Job {
    Entry entry;
    ChunkList chunks;  // of the new content
    Basis basis;
    std::vector<ByteRange> resume;
  };
  // `root`, `signatures` and `stats` must outlive it.
  ItemBuilder(const sys::Directory& root, const sys::DigestKey& key, SignatureStore& signatures,
              BuildStats& stats, Job job);

  struct Done {};
  struct Full {};  // the frame is; go on with the next one
  struct Dropped {
    SkipReason reason = SkipReason::Changed;
    std::string what;
  };
  using Outcome = std::variant<Done, Full, SignatureRequest, Dropped>;

  // Adds to `frame` until one of the outcomes. After a SignatureRequest call answer() first.
  [[nodiscard]] Result<Outcome> advance(FrameDraft& frame);
  // Corrupt if it is about another item or its chunk list does not fit.
  Status answer(SignatureReply reply);

  [[nodiscard]] const Bytes& key() const noexcept { return job_.entry.key; }

 private:
  // Chunks that are on their way literally.
  struct Literal {
    std::size_t next = 0;
    std::size_t end = 0;
    std::uint64_t offset = 0;
  };

  void make_plan();
  void open_part(FrameDraft& frame);
  [[nodiscard]] bool is_resumed(std::uint64_t offset, std::uint64_t bytes) const;
  [[nodiscard]] std::optional<SignatureRequest> gather();
  void gather_run(const Run& run, std::set<std::uint32_t>& wanted, std::size_t& answer_bytes);
  [[nodiscard]] std::optional<Bytes> find_signature(const Digest& chunk);
  Status add(const Copy& copy, FrameDraft& frame);
  Status add(const Zeros& zeros, FrameDraft& frame);
  Status add(const Run& run, FrameDraft& frame);
  Result<bool> add_patch(const Run& run, FrameDraft& frame);
  [[nodiscard]] std::optional<Bytes> combined_signature(const Run& run);
  Status add_literals(FrameDraft& frame);
  Result<Bytes> read_chunk(std::size_t number, std::uint64_t offset);

  const sys::Directory* root_;
  sys::DigestKey key_;
  SignatureStore* signatures_;
  BuildStats* stats_;
  Job job_;
  std::vector<PlanOp> plan_;
  std::size_t next_ = 0;         // in plan_
  std::size_t asked_until_ = 0;  // what the runs before this one lack is not to be had
  std::optional<Literal> literal_;
  std::map<Digest, Bytes> answered_;           // the last answer, whatever the store keeps of it
  std::map<Digest, std::uint32_t> requested_;  // lengths by digest
  sys::FileHandle file_;
  bool header_sent_ = false;
};

}  // namespace ha::replicator
