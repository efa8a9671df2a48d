// What is said to etcd's JSON gateway, and what its answers mean.
//
// Pure: texts in, texts out. 64-bit numbers come as texts, keys and values in base64, what is zero or empty
// does not come at all. Errors of all decoders: Corrupt. Thread safety: plain functions and values.
// Source: etcd 3.4 (rpc.proto, rpctypes/error.go) and grpc-gateway 1.9, as measured on Debian's 3.4.23.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/bytes.h"
#include "common/base/result.h"

namespace ha::failover {

inline constexpr std::size_t kEtcdReplyBytesMax = 64 * 1024;
inline constexpr std::size_t kEtcdTokenBytesMax = 4096;
inline constexpr const char* kEtcdRangePath = "/v3/kv/range";
inline constexpr const char* kEtcdTxnPath = "/v3/kv/txn";
inline constexpr const char* kEtcdDeletePath = "/v3/kv/deleterange";
inline constexpr const char* kEtcdAuthPath = "/v3/auth/authenticate";
inline constexpr const char* kEtcdStatusPath = "/v3/maintenance/status";
inline constexpr const char* kEtcdMembersPath = "/v3/cluster/member/list";

// A key's value, and at which revision of the store it was put there.
struct EtcdValue {
  Bytes value;
  std::uint64_t mod_revision = 0;

  bool operator==(const EtcdValue&) const = default;
};

// ---------------------------------------------------------------- requests
// Linearizable, as every read is that does not ask for less.
[[nodiscard]] std::string etcd_range(BytesView key);
// Puts `after` where exactly `before` is (none: where there is no such key); else reads what is there.
[[nodiscard]] std::string etcd_swap_request(BytesView key, const std::optional<EtcdValue>& before,
                                            BytesView after);
// Needs the right to read and to write the key, and changes nothing: no key has this version.
[[nodiscard]] std::string etcd_rights(BytesView key);
[[nodiscard]] std::string etcd_delete(BytesView key);
// Invalid if the texts are not UTF-8.
[[nodiscard]] Result<std::string> etcd_authenticate(std::string_view user, std::string_view password);

// ---------------------------------------------------------------- answers
struct EtcdRead {
  std::uint64_t cluster = 0;
  std::uint64_t member = 0;
  std::optional<EtcdValue> now;
};
// `key`: another one than was asked for is Corrupt, as are several.
[[nodiscard]] Result<EtcdRead> parse_etcd_range(BytesView text, BytesView key);

struct EtcdSwapped {
  std::uint64_t cluster = 0;
  bool applied = false;
  std::uint64_t revision = 0;    // of applied: that of the value now
  std::optional<EtcdValue> now;  // of not applied: what is there; none: no such key
};
[[nodiscard]] Result<EtcdSwapped> parse_etcd_swap(BytesView text, BytesView key);

[[nodiscard]] Result<std::string> parse_etcd_token(BytesView text);

struct EtcdStatus {
  std::uint64_t cluster = 0;
  std::uint64_t member = 0;
  std::uint64_t leader = 0;  // 0: there is none
  std::string version;       // "3.4.23"
};
[[nodiscard]] Result<EtcdStatus> parse_etcd_status(BytesView text);
// How many members the cluster has.
[[nodiscard]] Result<std::size_t> parse_etcd_members(BytesView text);

// What an answer is that does not say 200.
enum class EtcdNo {
  Refused,   // it said no: this copy of the request has not been applied, and never will be
  Token,     // the same; a new token may help
  Doubtful,  // it may have been applied, or may be yet
};
struct EtcdRefusal {
  EtcdNo no = EtcdNo::Doubtful;
  Error error;
};
[[nodiscard]] EtcdRefusal etcd_refusal(int http_status, BytesView text);

// RFC 4648, section 4, with its padding; back none for anything that was not written so.
[[nodiscard]] std::string base64(BytesView bytes);
[[nodiscard]] std::optional<Bytes> parse_base64(std::string_view text);

}  // namespace ha::failover
