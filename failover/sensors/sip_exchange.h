// Asks a SIP server, by UDP or TCP, and waits for its final answer.
//
// By UDP a request is sent again until something comes, as one lost packet shows nothing. Thread safety: one
// thread. Errors: those of Connection; Corrupt and Exhausted for what is no answer. Source: RFC 3261, 17.1.2.
#pragma once

#include "failover/sensors/connection.h"
#include "failover/sensors/sip_message.h"

namespace ha::failover {

class SipExchange {
 public:
  [[nodiscard]] static Result<SipExchange> open(Transport transport, const dns::Endpoint& to,
                                                const MeasureTurn& turn);
  [[nodiscard]] const std::string& token() const noexcept { return token_; }
  // The next request of this conversation.
  [[nodiscard]] SipRequest next(const std::string& method);
  // `bytes`: the whole request.
  [[nodiscard]] Result<SipReply> ask(const SipRequest& request, const Bytes& bytes);

 private:
  SipExchange(Connection connection, Transport transport, std::string who, SteadyTime until);
  [[nodiscard]] Result<SipReply> by_udp(const SipRequest& request, const Bytes& bytes);
  [[nodiscard]] Result<SipReply> by_tcp(const SipRequest& request);

  Connection connection_;
  Transport transport_;
  std::string who_;
  SteadyTime until_;
  std::string token_;
  unsigned sequence_ = 0;
  Bytes stream_;  // what has come by TCP and was not read
};

// "udp" or "tcp", of an option.
[[nodiscard]] Transport transport_of(const SensorSetup& setup);

}  // namespace ha::failover
