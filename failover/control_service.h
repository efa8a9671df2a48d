// The coordinator's control socket: run_dir/failover.sock, for the command `failover` on this host.
//
// Who may ask: the group of the socket; who may change something: root, and the user we run as. Thread
// safety: the loop's thread. Source: schemas/coordinator.proto.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/base/log.h"
#include "common/wire/control.h"
#include "common/wire/loop.h"
#include "failover/controller.h"

namespace ha::schemas::coordinator {
class Request;
}  // namespace ha::schemas::coordinator

namespace ha::failover {

class ControlService {
 public:
  [[nodiscard]] static Result<std::unique_ptr<ControlService>> open(wire::Loop& loop, Controller& controller,
                                                                    const std::string& path);
  ~ControlService();
  ControlService(const ControlService&) = delete;
  ControlService& operator=(const ControlService&) = delete;

 private:
  ControlService(wire::Loop& loop, Controller& controller) : loop_(loop), controller_(controller) {}
  void on_request(const wire::ControlRequest& request);
  void show(std::uint64_t client, const schemas::coordinator::Request& asked);
  [[nodiscard]] Status change(const schemas::coordinator::Request& asked, std::string& done);
  void accept(std::uint64_t client, const schemas::coordinator::Request& asked);
  void show_status(std::uint64_t client);
  void show_history(std::uint64_t client, const schemas::coordinator::Request& asked);
  void show_sensors(std::uint64_t client);
  void show_handlers(std::uint64_t client);

  wire::Loop& loop_;
  Controller& controller_;
  WallTime started_ = read_clocks().wall;
  std::unique_ptr<wire::ControlServer> server_;
  std::vector<wire::Loop::Id> registered_;
};

}  // namespace ha::failover
