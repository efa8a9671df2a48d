#include "common/base/random.h"

#include <bit>

#include <sys/random.h>

#include "common/base/result.h"

namespace ha {

Random::Random(std::uint64_t seed) noexcept {
  for (std::uint64_t& word : state_) {
    seed += 0x9e3779b97f4a7c15U;
    std::uint64_t mixed = seed;
    mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9U;
    mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111ebU;
    word = mixed ^ mixed >> 31;
  }
}

std::uint64_t Random::next() noexcept {
  const std::uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
  const std::uint64_t shifted = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= shifted;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

std::uint64_t Random::below(std::uint64_t limit) noexcept {
  if (limit == 0) {
    return 0;
  }
  // Values under 2^64 mod limit are drawn again, or small results would be more likely.
  const std::uint64_t unfair = (0 - limit) % limit;
  std::uint64_t value = next();
  while (value < unfair) {
    value = next();
  }
  return value % limit;
}

std::uint64_t Random::between(std::uint64_t low, std::uint64_t high) noexcept {
  HA_ASSERT(low <= high);
  const std::uint64_t width = high - low + 1;
  return width == 0 ? next() : low + below(width);
}

double Random::unit() noexcept {
  return static_cast<double>(next() >> 11) * 0x1.0p-53;
}

std::uint64_t random_seed() noexcept {
  std::uint64_t seed = 0;
  // Eight bytes are never interrupted or short once the kernel's pool is ready (getrandom(2)).
  const ssize_t got = ::getrandom(&seed, sizeof seed, 0);
  HA_ASSERT(got == static_cast<ssize_t>(sizeof seed));
  return seed;
}

}  // namespace ha
