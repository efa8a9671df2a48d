#include "replicator/source/frame_builder.h"

#include <map>
#include <set>

#include <unistd.h>

#include "replicator/delta/chunker.h"
#include "replicator/delta/patch.h"
#include "replicator/source/signature_maker.h"
#include "tests/source/tree_fixture.h"

namespace fs = std::filesystem;

namespace ha::replicator {
namespace {

// What a replica has: contents by key. Puts them together from frames the way apply does, and answers.
class Oracle {
 public:
  explicit Oracle(const sys::DigestKey& key) : key_(key) {}

  void hold(const Bytes& name, Bytes content) { held_[name] = std::move(content); }
  // What was verified of the new content in an interrupted transfer.
  void hold_part(const Bytes& name, Bytes content) { fresh_[name] = std::move(content); }
  [[nodiscard]] const Bytes& fresh(const Bytes& name) { return fresh_[name]; }
  [[nodiscard]] const std::map<Bytes, Entry>& headers() const { return headers_; }

  [[nodiscard]] ChunkList chunks(const Bytes& content) const {
    Chunker chunker(key_, content.size());
    must(chunker.feed(content));
    return must(chunker.finish());
  }
  [[nodiscard]] BasisReport basis(const Bytes& name) const {
    const auto found = held_.find(name);
    if (found == held_.end()) {
      return {};
    }
    const ChunkList list = chunks(found->second);
    return {must(content_digest(key_, list, found->second.size())), list};
  }

  void take(BytesView body) {
    for (ItemPart& part : must(decode_frame(body)).parts) {
      if (part.header) {
        BOOST_TEST(!headers_.contains(part.key));
        headers_.emplace(part.key, *part.header);
      }
      BOOST_REQUIRE(headers_.contains(part.key));
      Bytes& out = fresh_[part.key];
      out.resize(headers_.at(part.key).size);
      const bool uses_basis = !part.basis.is_zero();
      const BasisReport have = basis(part.key);
      if (uses_basis) {
        BOOST_REQUIRE((part.basis == have.content));
        if (part.ops.empty() && part.basis == part.content) {
          out = held_.at(part.key);
        }
      }
      for (Op& op : part.ops) {
        std::visit([&](auto& kind) { write(out, op.offset, kind, have, held_[part.key]); }, op.kind);
      }
    }
  }

  [[nodiscard]] Bytes answer(BytesView ask) const {
    const SignatureRequest request = must(decode_request(ask));
    const BasisReport have = basis(request.key);
    SignatureReply reply{request.key, have.content, {}, {}};
    if (have.content != request.basis) {
      reply.chunk_list = have.chunks;
      return encode_reply(reply);
    }
    for (const std::uint32_t number : request.chunks) {
      std::uint64_t at = 0;
      for (std::uint32_t i = 0; i < number; ++i) {
        at += have.chunks[i].length;
      }
      const BytesView data = BytesView(held_.at(request.key)).substr(at, have.chunks[number].length);
      reply.signatures.emplace_back(have.chunks[number].digest, must(chunk_signature(data)));
    }
    return encode_reply(reply);
  }

 private:
  static std::uint64_t offset_of(const ChunkList& chunks, std::size_t number) {
    std::uint64_t at = 0;
    for (std::size_t i = 0; i < number; ++i) {
      at += chunks[i].length;
    }
    return at;
  }
  void check(const ChunkList& chunks, BytesView data) const {
    BOOST_REQUIRE(total_bytes(chunks) == data.size());
    for (const Chunk& chunk : chunks) {
      BOOST_TEST((sys::digest(key_, data.substr(0, chunk.length)) == chunk.digest));
      data.remove_prefix(chunk.length);
    }
  }
  void write(Bytes& out, std::uint64_t at, const CopyOp& op, const BasisReport& have,
             const Bytes& old) const {
    const std::uint64_t begin = offset_of(have.chunks, op.old_first);
    const std::uint64_t end = offset_of(have.chunks, op.old_first + op.old_count);
    out.replace(at, end - begin, old, begin, end - begin);
  }
  void write(Bytes& out, std::uint64_t at, const LiteralOp& op, const BasisReport&, const Bytes&) const {
    check(op.chunks, op.data);
    out.replace(at, op.data.size(), op.data);
  }
  void write(Bytes& out, std::uint64_t at, const ZerosOp& op, const BasisReport&, const Bytes&) const {
    out.replace(at, op.bytes, op.bytes, '\0');
  }
  void write(Bytes& out, std::uint64_t at, const PatchOp& op, const BasisReport& have,
             const Bytes& old) const {
    std::vector<std::uint32_t> lengths;
    for (std::size_t i = op.old_first; i < op.old_first + op.old_count; ++i) {
      lengths.push_back(have.chunks[i].length);
    }
    const VirtualBasis map(lengths);
    const BasisReader reader = [&](std::uint64_t position, std::size_t length) -> Result<BytesView> {
      HA_TRY(const VirtualBasis::Place place, map.locate(position));
      const std::uint64_t begin = offset_of(have.chunks, op.old_first + place.chunk) + place.offset;
      return BytesView(old).substr(begin, std::min<std::size_t>(length, place.available));
    };
    const Bytes made = must(apply_delta(op.delta, reader, total_bytes(op.chunks)));
    check(op.chunks, made);
    out.replace(at, made.size(), made);
  }

  sys::DigestKey key_;
  std::map<Bytes, Bytes> held_;
  std::map<Bytes, Bytes> fresh_;
  std::map<Bytes, Entry> headers_;
};

struct BuilderFixture : TreeFixture {
  Oracle oracle{key};
  SignatureCache signatures;
  BuildOptions build;
  BuildStats stats;
  std::vector<SkippedItem> skipped;
  std::size_t frames = 0;
  std::size_t largest_frame = 0;

  void run(std::vector<BuildItem> items, const std::function<void()>& between = {}) {
    FrameBuilder builder(root, index, key, signatures, std::move(items), build);
    frames = 0;
    for (int i = 0; i < 100'000; ++i) {
      BuildStep step = must(builder.next());
      if (const auto* frame = std::get_if<FrameReady>(&step)) {
        ++frames;
        largest_frame = std::max(largest_frame, frame->body.size());
        oracle.take(frame->body);
        if (between) {
          between();
        }
        if (frame->last) {
          BOOST_TEST(std::holds_alternative<Finished>(must(builder.next())));
          break;
        }
      } else if (const auto* need = std::get_if<Need>(&step)) {
        must(builder.answer(oracle.answer(need->ask)));
      } else {
        BOOST_FAIL("finished without a last frame");
      }
    }
    stats = builder.stats();
    skipped = builder.skipped();
  }

  BuildItem with_basis(const Bytes& name) const { return {name, encode_basis(oracle.basis(name)), {}}; }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(source_frame_builder)

BOOST_FIXTURE_TEST_CASE(small_items_of_every_kind_share_a_frame, BuilderFixture) {
  write("d/f", "content");
  write("d/empty", "");
  fs::create_symlink("f", path("d/l"));
  fs::create_hard_link(path("d/f"), path("d/z"));
  write("gone", "1");
  scan();
  fs::remove(path("gone"));
  scan();
  run({{"d", {}, {}},
       {"d/f", {}, {}},
       {"d/empty", {}, {}},
       {"d/l", {}, {}},
       {"d/z", {}, {}},
       {"gone", {}, {}},
       {"never", {}, {}}});
  BOOST_TEST(frames == 1U);
  BOOST_TEST(stats.items == 7U);
  BOOST_TEST(oracle.fresh("d/f") == "content");
  BOOST_TEST((oracle.headers().at("d").rank == Rank::Container));
  BOOST_TEST(must(decode_meta(oracle.headers().at("d/z").meta)).target == "d/f");
  BOOST_TEST(oracle.headers().at("gone").deleted);
  BOOST_TEST(oracle.headers().at("never").deleted);
  BOOST_TEST((oracle.headers().at("d/f").hash == entry("d/f")->hash));
}

BOOST_FIXTURE_TEST_CASE(what_a_new_index_could_not_read_is_not_deleted_elsewhere, BuilderFixture) {
  IndexBatch batch = must(index.begin());
  must(batch.put_failure("closed", "permission denied", 1));
  must(batch.put_failure("d/bad", "input/output error", 1));
  must(batch.commit());
  run({{"closed/deep/down", {}, {}}, {"closed-not", {}, {}}, {"d/bad", {}, {}}, {"d/good", {}, {}}});
  BOOST_REQUIRE(skipped.size() == 2U);
  BOOST_TEST(skipped[0].key == "closed/deep/down");
  BOOST_TEST((skipped[0].reason == SkipReason::Unreadable));
  BOOST_TEST(skipped[1].key == "d/bad");
  BOOST_TEST(oracle.headers().at("closed-not").deleted);
  BOOST_TEST(oracle.headers().at("d/good").deleted);
}

BOOST_FIXTURE_TEST_CASE(a_batch_of_nothing_has_one_empty_last_frame, BuilderFixture) {
  run({});
  BOOST_TEST(frames == 1U);
  BOOST_TEST(oracle.headers().empty());
}

BOOST_FIXTURE_TEST_CASE(a_large_new_file_spans_frames_of_bounded_size, BuilderFixture) {
  Random random(3);
  const Bytes content = random_bytes_of(random, 3'000'000) + Bytes(2'000'000, '\0') + "end";
  write("f", content);
  scan();
  run({{"f", {}, {}}});
  BOOST_TEST((oracle.fresh("f") == content));
  BOOST_TEST(frames > 5U);
  BOOST_TEST(largest_frame < 2 * kFrameBytes + 4096);
  BOOST_TEST(stats.literal_bytes + stats.matched_bytes == content.size());
  BOOST_TEST(stats.matched_bytes > 1'800'000U);
}

BOOST_FIXTURE_TEST_CASE(the_same_content_is_a_header_with_its_basis, BuilderFixture) {
  Random random(4);
  const Bytes content = random_bytes_of(random, 2'000'000);
  write("f", content);
  write("small", "x");
  scan();
  oracle.hold("f", content);
  oracle.hold("small", "x");
  fs::remove(path("f"));  // it is not even opened
  run({with_basis("f"), with_basis("small")});
  BOOST_TEST((oracle.fresh("f") == content));
  BOOST_TEST(oracle.fresh("small") == "x");
  BOOST_TEST(stats.literal_bytes == 0U);
}

BOOST_FIXTURE_TEST_CASE(random_edits_arrive_with_and_without_signatures, BuilderFixture) {
  const std::uint64_t seed = random_seed();
  BOOST_TEST_MESSAGE("seed " << seed);
  Random random(seed);
  for (int round = 0; round < 12; ++round) {
    BOOST_TEST_CONTEXT("seed " << seed << " round " << round) {
      Bytes content = random_bytes_of(random, random.between(100'000, 4'000'000));
      if (random.chance(0.5)) {
        content.replace(content.size() / 2, 10, 300'000, '\0');
      }
      oracle = Oracle(key);
      oracle.hold("f", content);
      signatures = SignatureCache();
      if (random.chance(0.5)) {
        write("f", content);
        scan();
        IndexSignatures kept(index);
        must(make_signatures(root, index, key, "f", 1ULL << 40, stop));
        for (const Chunk& chunk : oracle.chunks(content)) {
          if (auto known = kept.get(chunk.digest)) {
            signatures.put(chunk.digest, *known);
          }
        }
      }
      for (std::uint64_t edits = random.between(1, 20); edits > 0; --edits) {
        const std::size_t at = random.below(content.size());
        const Bytes fresh = random_bytes_of(random, random.below(3000));
        content.replace(at, random.chance(0.5) ? fresh.size() : random.below(5000), fresh);
      }
      write("f", content);
      scan();
      run({with_basis("f")});
      BOOST_TEST((oracle.fresh("f") == content));
      BOOST_TEST(stats.literal_bytes + stats.matched_bytes + stats.patched_bytes == content.size());
    }
  }
}

BOOST_FIXTURE_TEST_CASE(small_edits_of_a_large_file_travel_as_small_deltas, BuilderFixture) {
  Random random(5);
  Bytes content = random_bytes_of(random, 8'000'000);
  oracle.hold("f", content);
  write("f", content);
  scan();
  must(make_signatures(root, index, key, "f", 1ULL << 40, stop));
  for (std::size_t i = 0; i < 20; ++i) {
    content.replace(i * 400'000, 16, random_bytes_of(random, 16));
  }
  write("f", content);
  scan();
  IndexSignatures kept(index);
  FrameBuilder builder(root, index, key, kept, {with_basis("f")}, build);
  std::size_t bytes = 0;
  for (bool last = false; !last;) {
    const BuildStep step = must(builder.next());
    const auto& frame = std::get<FrameReady>(step);
    bytes += frame.body.size();
    last = frame.last;
    oracle.take(frame.body);
  }
  BOOST_TEST((oracle.fresh("f") == content));
  BOOST_TEST(builder.stats().asks == 0U);
  BOOST_TEST(bytes < 60'000U);
}

BOOST_FIXTURE_TEST_CASE(missing_signatures_are_asked_for_once, BuilderFixture) {
  Random random(6);
  Bytes content = random_bytes_of(random, 4'000'000);
  oracle.hold("f", content);
  for (std::size_t i = 0; i < 60; ++i) {
    content[i * 50'000] = static_cast<char>(content[i * 50'000] + 1);
  }
  write("f", content);
  scan();
  run({with_basis("f")});
  BOOST_TEST(stats.asks == 1U);
  BOOST_TEST(stats.literal_bytes < 500'000U);
  BOOST_TEST((oracle.fresh("f") == content));
}

BOOST_FIXTURE_TEST_CASE(a_wrong_basis_is_put_right_by_the_answer, BuilderFixture) {
  Random random(7);
  const Bytes believed = random_bytes_of(random, 2'000'000);
  const Bytes held = random_bytes_of(random, 2'000'000);
  Bytes content = held;
  for (std::size_t i = 0; i < 30; ++i) {
    content.replace(i * 60'000, 8, "changed!");
  }
  oracle.hold("f", believed);
  const BuildItem item = with_basis("f");
  oracle.hold("f", held);
  write("f", content);
  scan();
  // Nothing of what is believed matches, so the question is for signatures; the answer tells the truth.
  run({item});
  BOOST_TEST((oracle.fresh("f") == content));
  BOOST_TEST(stats.asks >= 1U);
  BOOST_TEST(stats.literal_bytes < 1'000'000U);
}

BOOST_FIXTURE_TEST_CASE(an_unknown_basis_is_asked_for_if_wanted, BuilderFixture) {
  Random random(8);
  Bytes content = random_bytes_of(random, 3'000'000);
  oracle.hold("f", content);
  content += "more";
  write("f", content);
  write("new", random_bytes_of(random, 1'500'000));
  scan();
  run({{"f", {}, {}}});
  BOOST_TEST(stats.literal_bytes == content.size());
  oracle = Oracle(key);
  oracle.hold("f", content.substr(0, 3'000'000));
  build.ask_unknown = true;
  run({{"f", {}, {}}, {"new", {}, {}}});
  BOOST_TEST((oracle.fresh("f") == content));
  BOOST_TEST(oracle.fresh("new").size() == 1'500'000U);
  BOOST_TEST(stats.matched_bytes > 2'700'000U);
  oracle = Oracle(key);
  oracle.hold("f", content);
  run({{"f", {}, {}}});  // it turns out to have the very content
  BOOST_TEST((oracle.fresh("f") == content));
  BOOST_TEST(stats.literal_bytes == 0U);
}

BOOST_FIXTURE_TEST_CASE(the_expected_version_is_the_basis, BuilderFixture) {
  Random random(9);
  Bytes content = random_bytes_of(random, 2'000'000);
  oracle.hold("f", content);
  content.insert(0, "front");
  write("f", content);
  scan();
  build.expected = [&](BytesView) -> Result<std::optional<StoredChunks>> {
    const BasisReport report = oracle.basis("f");
    return std::optional<StoredChunks>(StoredChunks{report.content, encode_chunks(report.chunks)});
  };
  run({{"f", {}, {}}});
  BOOST_TEST((oracle.fresh("f") == content));
  BOOST_TEST(stats.matched_bytes > 1'700'000U);
}

BOOST_FIXTURE_TEST_CASE(a_hint_of_a_digest_finds_its_list_in_the_index_or_asks, BuilderFixture) {
  Random random(10);
  options.keep_previous = [](const Entry&) { return true; };
  Bytes content = random_bytes_of(random, 2'000'000);
  oracle.hold("f", content);
  write("f", content);
  scan();
  content += "tail";
  write("f", content);
  scan();
  run({{"f", encode_basis({oracle.basis("f").content, {}}), {}}});
  BOOST_TEST((oracle.fresh("f") == content));
  BOOST_TEST(stats.asks == 0U);
  BOOST_TEST(stats.matched_bytes > 1'700'000U);
  oracle = Oracle(key);
  oracle.hold("f", content.substr(1000));
  run({{"f", encode_basis({oracle.basis("f").content, {}}), {}}});
  BOOST_TEST((oracle.fresh("f") == content));
  BOOST_TEST(stats.asks >= 1U);
  BOOST_TEST(stats.matched_bytes > 1'700'000U);
}

BOOST_FIXTURE_TEST_CASE(what_was_verified_before_is_not_sent_again, BuilderFixture) {
  Random random(11);
  const Bytes content = random_bytes_of(random, 4'000'000);
  write("f", content);
  scan();
  const ChunkList list = oracle.chunks(content);
  std::uint64_t half = 0;
  for (std::size_t i = 0; i < list.size() / 2; ++i) {
    half += list[i].length;
  }
  oracle.hold_part("f", content.substr(0, half));
  run({{"f", {}, encode_ranges({{0, half}})}});
  BOOST_TEST((oracle.fresh("f") == content));
  BOOST_TEST(stats.resumed_bytes == half);
  BOOST_TEST(stats.literal_bytes == content.size() - half);
}

BOOST_FIXTURE_TEST_CASE(a_file_that_changed_or_vanished_is_dropped_alone, BuilderFixture) {
  write("a", "first");
  write("b", "second");
  write("c", "third");
  write("k", "kind");
  scan();
  write("a", "FIRST");
  fs::remove(path("b"));
  fs::remove(path("k"));
  fs::create_directory(path("k"));
  run({{"a", {}, {}}, {"b", {}, {}}, {"c", {}, {}}, {"k", {}, {}}});
  BOOST_TEST(stats.items == 1U);
  BOOST_TEST(oracle.fresh("c") == "third");
  BOOST_TEST(!oracle.headers().contains("a"));
  BOOST_REQUIRE(skipped.size() == 3U);
  BOOST_TEST((skipped[0].reason == SkipReason::Changed));
  BOOST_TEST((skipped[1].reason == SkipReason::Vanished));
  BOOST_TEST((skipped[2].reason == SkipReason::Changed));
}

BOOST_FIXTURE_TEST_CASE(a_file_that_changes_half_way_still_ends_its_batch, BuilderFixture) {
  Random random(12);
  write("f", random_bytes_of(random, 3'000'000));
  write("g", "next");
  scan();
  run({{"f", {}, {}}, {"g", {}, {}}}, [this] { fs::resize_file(path("f"), 100); });
  BOOST_TEST(oracle.fresh("g") == "next");
  BOOST_REQUIRE(skipped.size() == 1U);
  BOOST_TEST(skipped[0].key == "f");
}

BOOST_FIXTURE_TEST_CASE(a_lost_chunk_list_is_made_again, BuilderFixture) {
  Random random(13);
  const Bytes content = random_bytes_of(random, 2'000'000);
  write("f", content);
  scan();
  IndexBatch batch = must(index.begin());
  must(batch.drop_chunks("f"));
  must(batch.commit());
  run({{"f", {}, {}}});
  BOOST_TEST((oracle.fresh("f") == content));
}

BOOST_FIXTURE_TEST_CASE(answers_that_do_not_fit_end_the_batch, BuilderFixture) {
  Random random(14);
  write("f", random_bytes_of(random, 2'000'000));
  scan();
  build.ask_unknown = true;
  FrameBuilder builder(root, index, key, signatures, {{"f", {}, {}}}, build);
  BOOST_TEST((builder.answer(encode_reply({"f", {}, {}, {}})).error().code() == Code::Corrupt));
  BOOST_TEST(std::holds_alternative<Need>(must(builder.next())));
  BOOST_TEST((builder.next().error().code() == Code::Internal));
  BOOST_TEST((builder.answer("garbage").error().code() == Code::Corrupt));
  BOOST_TEST((builder.answer(encode_reply({"other", {}, {}, {}})).error().code() == Code::Corrupt));
}

BOOST_FIXTURE_TEST_CASE(garbage_hints_end_the_batch, BuilderFixture) {
  write("f", "x");
  scan();
  FrameBuilder basis(root, index, key, signatures, {{"f", Bytes("short"), {}}});
  BOOST_TEST((basis.next().error().code() == Code::Corrupt));
  FrameBuilder resume(root, index, key, signatures, {{"f", {}, Bytes("short")}});
  BOOST_TEST((resume.next().error().code() == Code::Corrupt));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ha::replicator
