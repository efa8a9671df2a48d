#include "common/sys/digest.h"

#include <cerrno>

#include <sys/random.h>

// XXH3_generateSecret is declared only so; it is exported all the same.
#define XXH_STATIC_LINKING_ONLY
#include <xxhash.h>

namespace ha::sys {

namespace {

Digest to_digest(XXH128_hash_t hash) noexcept {
  Digest result{hash.high64, hash.low64};
  if (result.is_zero()) {
    result.low = 1;
  }
  return result;
}

}  // namespace

Result<DigestKey> DigestKey::from_bytes(BytesView key) {
  if (key.size() != kDigestKeyBytes) {
    return Error(Code::Invalid, "a digest key has " + std::to_string(kDigestKeyBytes) + " bytes, not " +
                                    std::to_string(key.size()));
  }
  DigestKey result;
  if (XXH3_generateSecret(result.secret_.data(), kSecretBytes, key.data(), key.size()) != XXH_OK) {
    return Error(Code::Internal, "xxHash refused the digest key");
  }
  return result;
}

Digest digest(const DigestKey& key, BytesView data) {
  return to_digest(
      XXH3_128bits_withSecret(data.data(), data.size(), key.secret_.data(), DigestKey::kSecretBytes));
}

// xxHash keeps a pointer to the secret, so the key lives beside the state.
struct Hasher::State {
  explicit State(const DigestKey& digest_key) : key(digest_key) {}
  DigestKey key;
  XXH3_state_t hash{};
};

Hasher::Hasher(const DigestKey& key) : state_(std::make_unique<State>(key)) {
  XXH3_INITSTATE(&state_->hash);
  const XXH_errorcode code =
      XXH3_128bits_reset_withSecret(&state_->hash, state_->key.secret_.data(), DigestKey::kSecretBytes);
  HA_ASSERT(code == XXH_OK);
}

Hasher::~Hasher() = default;
Hasher::Hasher(Hasher&&) noexcept = default;
Hasher& Hasher::operator=(Hasher&&) noexcept = default;

void Hasher::update(BytesView data) {
  if (!data.empty()) {
    HA_ASSERT(XXH3_128bits_update(&state_->hash, data.data(), data.size()) == XXH_OK);
  }
}

Digest Hasher::finish() {
  return to_digest(XXH3_128bits_digest(&state_->hash));
}

Result<Bytes> random_bytes(std::size_t count) {
  Bytes out(count, '\0');
  std::size_t done = 0;
  while (done < count) {
    const ssize_t got = getrandom(out.data() + done, count - done, 0);
    if (got < 0) {
      if (errno == EINTR) {
        continue;
      }
      return errno_error("getrandom", errno);
    }
    done += static_cast<std::size_t>(got);
  }
  return out;
}

}  // namespace ha::sys
