#include "failover/sensors/sip_exchange.h"

#include <algorithm>
#include <utility>

#include "common/base/random.h"

namespace ha::failover {
namespace {

constexpr Duration kFirstWait = std::chrono::milliseconds(500);  // T1 of RFC 3261; doubles each time

}  // namespace

Transport transport_of(const SensorSetup& setup) {
  return setup.text("transport") == "tcp" ? Transport::Tcp : Transport::Udp;
}

SipExchange::SipExchange(Connection connection, Transport transport, std::string who, SteadyTime until)
    : connection_(std::move(connection)),
      transport_(transport),
      who_(std::move(who)),
      until_(until),
      token_(std::to_string(random_seed())) {}

Result<SipExchange> SipExchange::open(Transport transport, const dns::Endpoint& to, const MeasureTurn& turn) {
  HA_TRY(Connection connection, Connection::open(transport, to, turn));
  return SipExchange(std::move(connection), transport, to.text(), turn.until);
}

SipRequest SipExchange::next(const std::string& method) {
  return {method, transport_ == Transport::Tcp ? "TCP" : "UDP", connection_.local(), token_, ++sequence_};
}

Result<SipReply> SipExchange::ask(const SipRequest& request, const Bytes& bytes) {
  HA_CHECK(connection_.send(bytes));
  return transport_ == Transport::Tcp ? by_tcp(request) : by_udp(request, bytes);
}

Result<SipReply> SipExchange::by_udp(const SipRequest& request, const Bytes& bytes) {
  Duration wait = kFirstWait;
  SteadyTime again = read_clocks().steady + wait;
  while (true) {
    auto datagram = connection_.receive(kSipMessageMax, std::min(again, until_));
    if (datagram.ok()) {
      auto reply = parse_sip_reply(*datagram, request);
      if (reply.ok() && reply->status >= 200) {
        return reply;
      }
      if (!reply.ok() && reply.error().code() != Code::Conflict) {
        return std::move(reply).error().in(who_);
      }
    } else if (datagram.error().code() != Code::TimedOut || again >= until_) {
      return std::move(datagram).error();
    } else {
      HA_CHECK(connection_.send(bytes));
      wait *= 2;
      again += wait;
    }
  }
}

Result<SipReply> SipExchange::by_tcp(const SipRequest& request) {
  while (true) {
    HA_TRY(const auto end, sip_message_end(stream_));
    if (end) {
      auto reply = parse_sip_reply(BytesView(stream_).substr(0, *end), request);
      stream_.erase(0, *end);
      if (reply.ok() ? reply->status >= 200 : reply.error().code() != Code::Conflict) {
        return reply.ok() ? std::move(reply) : std::move(reply).error().in(who_);
      }
      continue;
    }
    HA_TRY(const Bytes part, connection_.receive(kSipMessageMax, until_));
    if (part.empty()) {
      return Error(Code::Unavailable, who_ + " closed the connection without an answer");
    }
    stream_ += part;
  }
}

}  // namespace ha::failover
