#include "failover/action/nft_generation.h"

#include <arpa/inet.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <sys/socket.h>

#include <array>
#include <cstring>

namespace ha::failover {
namespace {

constexpr std::uint16_t message_type(int message) {
  return static_cast<std::uint16_t>((NFNL_SUBSYS_NFTABLES << 8) | message);
}

struct Question {
  nlmsghdr head{};
  nfgenmsg about{};
};
static_assert(sizeof(Question) == NLMSG_LENGTH(sizeof(nfgenmsg)));

// What an answer says; empty: it is none. Everything in it is aligned to four bytes.
std::optional<std::uint32_t> generation_in(const char* at, std::size_t size) {
  Question head;
  if (size < sizeof head) {
    return std::nullopt;
  }
  std::memcpy(&head, at, sizeof head);
  if (head.head.nlmsg_type != message_type(NFT_MSG_NEWGEN) || head.head.nlmsg_len > size) {
    return std::nullopt;
  }
  for (std::size_t offset = sizeof head; offset + sizeof(nlattr) <= head.head.nlmsg_len;) {
    nlattr attribute{};
    std::memcpy(&attribute, at + offset, sizeof attribute);
    std::uint32_t value = 0;
    const std::size_t end = offset + attribute.nla_len;
    if (attribute.nla_len < sizeof attribute || end > head.head.nlmsg_len) {
      return std::nullopt;
    }
    if ((attribute.nla_type & NLA_TYPE_MASK) == NFTA_GEN_ID &&
        attribute.nla_len == sizeof attribute + sizeof value) {
      std::memcpy(&value, at + offset + sizeof attribute, sizeof value);
      return ntohl(value);
    }
    offset = (end + 3) / 4 * 4;
  }
  return std::nullopt;
}

}  // namespace

NftGeneration NftGeneration::open() {
  return NftGeneration(
      {::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_NETFILTER), "netlink"});
}

// The kernel answers before it returns from the call that asks.
std::optional<std::uint32_t> NftGeneration::read() {
  Question question;
  question.head.nlmsg_len = sizeof question;
  question.head.nlmsg_type = message_type(NFT_MSG_GETGEN);
  question.head.nlmsg_flags = NLM_F_REQUEST;
  question.about.version = NFNETLINK_V0;
  if (!socket_.is_open() || ::send(socket_.fd(), &question, sizeof question, 0) != sizeof question) {
    return std::nullopt;
  }
  std::optional<std::uint32_t> found;
  std::array<char, 4096> answer{};
  for (ssize_t size = 1; size > 0;) {
    size = ::recv(socket_.fd(), answer.data(), answer.size(), 0);
    if (size > 0) {
      found = generation_in(answer.data(), static_cast<std::size_t>(size));
    }
  }
  return found;
}

}  // namespace ha::failover
