#include "failover/peer_codec.h"

#include <boost/test/unit_test.hpp>

#include "schemas/failover.pb.h"

using namespace ha::failover;
using ha::Bytes;
using ha::BytesView;
using ha::Code;
using ha::Digest;
using ha::Duration;

namespace pb = ha::schemas::failover;

namespace {

PathBeat beat() {
  PathBeat out;
  out.heartbeat.beat = {7, std::chrono::seconds(99), {"nyc", "syd"}};
  out.heartbeat.report.score = 12;
  out.heartbeat.report.unfit = "in maintenance";
  out.heartbeat.report.room = 2;
  out.heartbeat.report.config = Digest{1, 2};
  out.heartbeat.report.services["pbx"] = {State::Draining, 41, 12, Lag::Behind, 213, false, true};
  out.sequence = 1234;
  out.worst = {"disk.space +12: / is 92 % full"};
  out.echo = Echo{std::chrono::seconds(50), std::chrono::milliseconds(3)};
  return out;
}

ha::Result<PeerMessage> back(const PeerMessage& message) {
  const PeerBytes bytes = encode(message);
  return decode_peer_message(static_cast<std::uint16_t>(bytes.type), bytes.body);
}

Code refused(const pb::Heartbeat& message) {
  const auto type = static_cast<std::uint16_t>(PeerMessageType::AHeartbeat);
  const auto decoded = decode_peer_message(type, message.SerializeAsString());
  BOOST_REQUIRE(!decoded.ok());
  return decoded.error().code();
}

pb::Heartbeat good() {
  pb::Heartbeat out;
  BOOST_REQUIRE(out.ParseFromString(encode(beat()).body));
  return out;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(failover_peer_codec)

BOOST_AUTO_TEST_CASE(a_heartbeat_comes_back_whole) {
  const auto decoded = back(beat());
  BOOST_REQUIRE(decoded.ok());
  const auto& one = std::get<PathBeat>(*decoded);
  const PathBeat was = beat();
  BOOST_TEST(one.heartbeat.beat.boot == was.heartbeat.beat.boot);
  BOOST_TEST((one.heartbeat.beat.clock == was.heartbeat.beat.clock));
  BOOST_TEST((one.heartbeat.beat.hears == was.heartbeat.beat.hears));
  BOOST_TEST(one.heartbeat.report.score == 12U);
  BOOST_TEST(one.heartbeat.report.unfit == "in maintenance");
  BOOST_TEST(one.heartbeat.report.room == 2U);
  BOOST_TEST((one.heartbeat.report.config == was.heartbeat.report.config));
  const ServiceReport& service = one.heartbeat.report.services.at("pbx");
  BOOST_TEST((service.state == State::Draining && service.epoch == 41 && service.lag == Lag::Behind));
  BOOST_TEST((service.calls == 213U && !service.owner_dead && service.unable));
  BOOST_TEST(one.sequence == 1234U);
  BOOST_TEST((one.worst == was.worst));
  BOOST_TEST((one.echo->held == was.echo->held && one.echo->clock == was.echo->clock));
}

BOOST_AUTO_TEST_CASE(each_word_comes_back_whole) {
  const auto again = [&](const Word& word) {
    return std::get<ServiceWord>(back(ServiceWord{"pbx", word}).value()).word;
  };
  BOOST_TEST(std::get<PromiseAsk>(again(PromiseAsk{3, 41})).epoch == 41U);
  BOOST_TEST(std::get<PromiseAnswer>(again(PromiseAnswer{3, true, ""})).given);
  BOOST_TEST(std::get<PromiseAnswer>(again(PromiseAnswer{3, false, "no"})).why == "no");
  BOOST_TEST((std::get<Stopped>(again(Stopped{{41, 9}})).version == Version{41, 9}));
  BOOST_TEST(std::get<Look>(again(Look{true})).health);
}

BOOST_AUTO_TEST_CASE(what_cannot_be_is_corrupt) {
  pb::Heartbeat bad = good();
  bad.set_clock_ns(-1);
  BOOST_TEST((refused(bad) == Code::Corrupt));
  bad = good();
  bad.set_config("short");
  BOOST_TEST((refused(bad) == Code::Corrupt));
  bad = good();
  bad.mutable_services(0)->set_state(99);
  BOOST_TEST((refused(bad) == Code::Corrupt));
  bad = good();
  bad.mutable_services(0)->set_lag(3);
  BOOST_TEST((refused(bad) == Code::Corrupt));
  bad = good();
  bad.mutable_echo()->set_held_ns(-5);
  BOOST_TEST((refused(bad) == Code::Corrupt));
}

BOOST_AUTO_TEST_CASE(counts_and_lengths_are_bounded) {
  pb::Heartbeat bad = good();
  for (std::size_t i = 0; i < kSitesMax; ++i) {
    bad.add_hears("x");
  }
  BOOST_TEST((refused(bad) == Code::Corrupt));
  bad = good();
  for (std::size_t i = 0; i < kServicesMax; ++i) {
    bad.add_services()->set_name("s" + std::to_string(i));
  }
  BOOST_TEST((refused(bad) == Code::Corrupt));
  bad = good();
  bad.set_hears(0, std::string(kNameBytesMax + 1, 'x'));
  BOOST_TEST((refused(bad) == Code::Corrupt));
  bad = good();
  bad.set_worst(0, std::string(kWhyBytesMax + 1, 'x'));
  BOOST_TEST((refused(bad) == Code::Corrupt));
  const auto type = static_cast<std::uint16_t>(PeerMessageType::AWord);
  BOOST_TEST(!decode_peer_message(type, Bytes(kPeerMessageBytesMax + 1, '\n')).ok());
}

BOOST_AUTO_TEST_CASE(every_cut_is_refused_or_a_shorter_message_but_no_crash) {
  for (const PeerMessage& message :
       {PeerMessage(beat()), PeerMessage(ServiceWord{"pbx", Stopped{{41, 9}}})}) {
    const PeerBytes whole = encode(message);
    for (std::size_t cut = 0; cut < whole.body.size(); ++cut) {
      static_cast<void>(
          decode_peer_message(static_cast<std::uint16_t>(whole.type), BytesView(whole.body).substr(0, cut)));
    }
  }
  BOOST_TEST(!decode_peer_message(static_cast<std::uint16_t>(PeerMessageType::AWord), "").ok());
  BOOST_TEST(!decode_peer_message(7, encode(beat()).body).ok());
}

BOOST_AUTO_TEST_SUITE_END()
