#include "failover/sensors/sensor.h"

#include <array>
#include <cmath>
#include <cstdio>
#include <utility>

namespace ha::failover {

Reading graded(const SensorSpec& spec, double value, std::string unit, std::string text) {
  return {value, std::move(unit), grade_of(spec.levels, value), std::move(text)};
}

Reading good(std::string text) {
  return {0, "", Grade::Ok, std::move(text)};
}

Reading warned(std::string text) {
  return {1, "", Grade::Warn, std::move(text)};
}

Reading tripped(std::string text) {
  return {1, "", Grade::Trip, std::move(text)};
}

Reading unknown(std::string text) {
  return {0, "", Grade::Unknown, std::move(text)};
}

Reading unknown(const Error& error) {
  return unknown(error.what() + (error.hint().empty() ? "" : "; " + error.hint()));
}
Reading failed(const Error& error) {
  const Code code = error.code();
  const bool is_theirs = code == Code::Unavailable || code == Code::TimedOut || code == Code::Corrupt;
  return is_theirs ? tripped(error.what()) : unknown(error);
}

std::string show_number(double value) {
  std::array<char, 64> out{};
  const double size = std::abs(value);
  const int digits = size >= 10 || value == std::floor(value) ? 0 : size >= 0.1 ? 1 : 3;
  std::snprintf(out.data(), out.size(), "%.*f", digits, value);
  return out.data();
}

}  // namespace ha::failover
