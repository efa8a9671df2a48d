// Files with a TSIG key, as tsig-keygen and keymgr write them: BIND's syntax or Knot's.
//
//   key "fra.key" { algorithm hmac-sha256; secret "base64"; };          key:
//                                                                        - id: fra.key
//                                                                          algorithm: hmac-sha256
//                                                                          secret: base64
// One key a file, nothing else. Errors name the line and what was expected, and never show what is there: it
// may be the secret. Thread safety: plain functions. Source: named.conf(5), Knot DNS 3.2 (key section).
#pragma once

#include "common/base/bytes.h"
#include "common/base/result.h"
#include "dnsupdater/tsig.h"

namespace ha::dns {

inline constexpr std::size_t kTsigSecretBytesMin = 16;

// Invalid if it is neither syntax, has no key or several, or a secret that is too short; Unsupported for
// algorithms other than hmac-sha256 and hmac-sha512.
[[nodiscard]] Result<TsigKey> parse_key(BytesView text);
// The same from a file, which only its owner may read: errors of sys::load_secret. All name the file.
[[nodiscard]] Result<TsigKey> load_key(BytesView path);

}  // namespace ha::dns
