// ReplicaSide with a real set behind it and an origin that is written by hand, over loopback.
#include "replicator/replica_side.h"

#include <boost/test/unit_test.hpp>
#include <functional>
#include <future>
#include <optional>

#include "common/wire/envelope.h"
#include "replicator/model/file_meta.h"
#include "replicator/model/frame.h"
#include "replicator/model/item_hash.h"
#include "replicator/session/codec.h"
#include "tests/replicator/set_fixture.h"
#include "tests/wire/harness.h"

namespace ha::replicator {
namespace {

constexpr std::uint32_t kNonce = 9;
constexpr std::uint32_t kSet = 1;
const Bytes kKey(32, 'k');

struct Fixture {
  SetFixture set{false};
  Logger log{make_log_sink(LogFormat::Silent, "test"), LogLevel::Debug};
  Workers workers{2};
  Strand strand{workers};
  wire::testing::Harness net;
  std::vector<Published> published;
  std::unique_ptr<ReplicaSide> side;
  std::unique_ptr<wire::testing::Client> client;

  Fixture() {
    ReplicaOptions options;
    options.facts = {"cluster", "nyc1", "config"};
    options.window_bytes = 1 << 20;
    options.endpoints = {"tcp://127.0.0.1:*"};
    options.admitted = {net.client_peer()};
    options.congestion = "system";
    options.fresh = sys::must(FreshBook::open(set.temp.path, read_clocks()));
    side = sys::must(ReplicaSide::open(
        *net.loop, *net.context, net.server_keys, std::move(options),
        {{"etc", ReplicaSet{"fra1", set.store.get(), &strand}}},
        [this](const Published& done) { published.push_back(done); }, log));
    wire::DealerOptions dealer;
    dealer.endpoint = side->endpoints().at(0);
    dealer.routing_id = "fra1/control";
    dealer.server_key = net.server_keys.public_key;
    dealer.connection = wire::testing::quick_connection();
    client = net.connect_with(net.client_keys, dealer);
    BOOST_REQUIRE(net.until([&] { return client->count(wire::ConnectionEvent::Kind::Connected) > 0; }));
    send(encode(LinkMessage(Hello{"cluster", "fra1", kNonce, "config", 0})), 0, 0);
  }
  ~Fixture() {
    workers.stop();
    net.disconnect(std::move(client));
    side.reset();
  }

  static std::uint64_t attempt(std::uint32_t number) { return (std::uint64_t{kNonce} << 32) + number; }
  static Offer offer() { return {"etc", {7, 1, 5, {1, 1}}, kKey, 1}; }

  void send(const Encoded& message, std::uint32_t number, std::uint64_t attempt) const {
    wire::EnvelopeHeader header;
    header.type = static_cast<std::uint16_t>(message.type);
    header.set = number;
    header.attempt = attempt;
    Bytes bytes = sys::must(wire::encode_envelope(header, message.body));
    BOOST_REQUIRE(sys::must(client->dealer->send(std::move(bytes))));
  }
  void send(const SetMessage& message, std::uint32_t attempt_number, std::uint32_t set_number = kSet) const {
    send(encode(message), set_number, attempt(attempt_number));
  }

  // The first answer of this kind for this set and attempt that is `wanted`, once it has come.
  template <typename T>
  T answer(
      std::uint32_t attempt_number, std::uint32_t set_number = kSet,
      const std::function<bool(const T&)>& wanted = [](const T&) { return true; }) {
    std::optional<T> found;
    BOOST_REQUIRE(net.until([&] {
      for (const Bytes& bytes : client->received) {
        const auto envelope = sys::must(wire::decode_envelope(bytes));
        if (envelope.header.set == set_number && envelope.header.attempt == attempt(attempt_number)) {
          auto message = sys::must(decode_set_message(envelope.header.type, envelope.body));
          if (T* const one = std::get_if<T>(&message); one != nullptr && !found && wanted(*one)) {
            found = std::move(*one);
          }
        }
      }
      return found.has_value();
    }));
    return *found;
  }
  // Some answer to this attempt has come.
  [[nodiscard]] bool has_answer(
      std::uint32_t attempt_number,
      const std::function<bool(const SetMessage&)>& wanted = [](const SetMessage&) { return true; }) const {
    for (const Bytes& bytes : client->received) {
      const auto envelope = sys::must(wire::decode_envelope(bytes));
      if (envelope.header.attempt == attempt(attempt_number) &&
          wanted(sys::must(decode_set_message(envelope.header.type, envelope.body)))) {
        return true;
      }
    }
    return false;
  }
  [[nodiscard]] SetReport report() const {
    SideReport out;
    side->report(out, read_clocks());
    return out.sets.at(0);
  }
};

// Not only a sign of life.
bool is_done(const Ack& ack) {
  return ack.batches == 1;
}

// A batch of one frame with one new directory.
Data directory_data(const Bytes& key) {
  FileMeta meta;
  meta.type = FileType::Directory;
  meta.mode = 0755;
  ItemPart part;
  part.key = key;
  Entry header;
  header.key = key;
  header.rank = Rank::Container;
  header.sequence = 5;
  header.meta = encode_meta(meta);
  header.hash = item_hash(sys::must(sys::DigestKey::from_bytes(kKey)), header);
  part.header = header;
  Frame frame;
  frame.parts.push_back(std::move(part));
  sys::Compressor compressor;
  return {1, 0, true, 0, sys::must(pack_frame(compressor, encode_frame(frame)))};
}

BOOST_AUTO_TEST_SUITE(replicator_replica_side)

// Else the PBX would go on with the old configuration, and the status would say that all is well.
BOOST_AUTO_TEST_CASE(a_commit_is_told_also_when_its_attempt_has_ended_meanwhile) {
  Fixture test;
  test.send(Fixture::offer(), 1);
  test.answer<Have>(1);
  test.send(directory_data("d"), 1);
  BOOST_TEST(test.answer<Ack>(1, kSet, is_done).trouble.empty());
  std::promise<void> gate;
  test.strand.post([&] { gate.get_future().wait(); });
  test.send(Mark{1, Fixture::offer().position, 0}, 1);
  test.send(Fixture::offer(), 2);
  const bool began = test.net.until([&] { return test.report().state == "reading"; });
  gate.set_value();
  BOOST_REQUIRE(began);
  test.answer<Have>(2);
  BOOST_REQUIRE(test.net.until([&] { return !test.published.empty(); }));
  BOOST_TEST(test.published.size() == 1U);
  BOOST_TEST(test.published[0].set == "etc");
  BOOST_TEST(test.published[0].applied.items == 1U);
}

BOOST_AUTO_TEST_CASE(how_far_behind_it_is_outlives_a_restart) {
  Fixture test;
  BOOST_TEST(!test.report().behind.has_value());
  test.send(Fixture::offer(), 1);
  test.answer<Have>(1);
  test.send(directory_data("d"), 1);
  test.answer<Ack>(1, kSet, is_done);
  Position newer = Fixture::offer().position;
  ++newer.sequence;
  test.send(Mark{1, newer, 0}, 1);
  BOOST_REQUIRE(test.net.until([&] { return test.report().behind.has_value(); }));
  test.side.reset();
  Now later = read_clocks();
  later.steady += std::chrono::hours(1);  // another machine's, say
  later.wall += std::chrono::minutes(1);
  const FreshBook book = sys::must(FreshBook::open(test.set.temp.path, later));
  BOOST_REQUIRE(book.of("etc").has_value());
  const Duration behind = later.steady - *book.of("etc");
  BOOST_TEST((behind >= std::chrono::minutes(1) && behind < std::chrono::minutes(2)));
  later.wall -= std::chrono::hours(1);  // a moment that has not come yet says nothing
  BOOST_TEST(!sys::must(FreshBook::open(test.set.temp.path, later)).of("etc").has_value());
}

// The origin has opened the set anew; what is still on its way of the older session does not count.
BOOST_AUTO_TEST_CASE(a_set_has_one_session_with_its_origin_the_newest) {
  Fixture test;
  test.send(Fixture::offer(), 1);
  test.answer<Have>(1);
  test.send(Fixture::offer(), 2, kSet + 1);
  test.answer<Have>(2, kSet + 1);
  test.send(Fixture::offer(), 3, kSet);
  test.send(directory_data("d"), 2, kSet + 1);
  test.answer<Ack>(2, kSet + 1, is_done);
  BOOST_TEST(!test.has_answer(3));
}

BOOST_AUTO_TEST_CASE(who_is_told_to_be_the_holder_is_received_from_and_nobody_else) {
  Fixture test;
  const auto tell = [&](const std::string& origin, std::uint64_t epoch) {
    test.side->told("etc", origin, epoch, read_clocks());
  };
  tell("", 0);
  test.send(Fixture::offer(), 1);  // of epoch 1; it waits
  BOOST_TEST(!test.net.until([&] { return test.has_answer(1); }, std::chrono::milliseconds(50)));
  tell("fra1", 1);
  test.answer<Have>(1);
  BOOST_TEST(test.report().peer == "fra1");
  tell("nyc1", 2);  // that session has ended
  test.send(directory_data("d"), 1);
  test.send(Fixture::offer(), 2, kSet + 1);
  BOOST_TEST(test.answer<Refusal>(2, kSet + 1).what ==
             "epoch 1 of set \"etc\" is over: this site has been told of epoch 2");
  BOOST_TEST(!test.has_answer(1, [](const SetMessage& message) {
    const auto* const ack = std::get_if<Ack>(&message);
    return ack != nullptr && is_done(*ack);
  }));
  Offer same = Fixture::offer();
  same.position.epoch = 2;
  test.send(same, 3, kSet + 2);
  BOOST_TEST(test.answer<Refusal>(3, kSet + 2).what == "epoch 2 of set \"etc\" is nyc1's, not fra1's");
}

BOOST_AUTO_TEST_CASE(a_set_that_is_still_closed_lets_its_holder_wait) {
  Fixture test;
  test.side->told("etc", "fra1", 1, read_clocks());
  test.side->remove("etc");
  test.send(Fixture::offer(), 1);
  BOOST_TEST(!test.net.until([&] { return test.has_answer(1); }, std::chrono::milliseconds(50)));
  test.side->add("etc", {"fra1", test.set.store.get(), &test.strand}, read_clocks());
  test.answer<Have>(1);
}

BOOST_AUTO_TEST_CASE(what_a_guard_here_holds_is_released_at_the_origin) {
  Fixture test;
  test.set.write("own", "not the set's");
  test.send(Fixture::offer(), 1);
  BOOST_CHECK(test.answer<Refusal>(1).code == Code::Held);
  BOOST_TEST(test.report().state == "HELD");
  BOOST_TEST(test.report().hint == "on fra1: hareplicate release etc --to nyc1 --force-delete");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace ha::replicator
