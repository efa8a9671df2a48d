// Random numbers from a seed, the same on every machine, and seeds from the kernel.
//
// For jitter, tests and simulations only; keys and nonces come from common/sys (libsodium). Not
// std::mt19937 with std distributions, because those differ between standard libraries and a printed seed
// must replay anywhere. Thread safety: one Random belongs to one thread.
// Source: xoshiro256** 1.0 and splitmix64 (Blackman, Vigna; public domain).
#pragma once

#include <array>
#include <cstdint>

namespace ha {

class Random {
 public:
  explicit Random(std::uint64_t seed) noexcept;

  [[nodiscard]] std::uint64_t next() noexcept;
  // Uniform in [0, limit); `limit` 0 gives 0.
  [[nodiscard]] std::uint64_t below(std::uint64_t limit) noexcept;
  // Uniform in [low, high], both included; `low` must not exceed `high`.
  [[nodiscard]] std::uint64_t between(std::uint64_t low, std::uint64_t high) noexcept;
  // Uniform in [0, 1).
  [[nodiscard]] double unit() noexcept;
  [[nodiscard]] bool chance(double probability) noexcept { return unit() < probability; }

 private:
  std::array<std::uint64_t, 4> state_{};
};

// 64 bits from getrandom(2).
[[nodiscard]] std::uint64_t random_seed() noexcept;

}  // namespace ha
