// Who makes which kind of sensor; one file a family. Only for kinds.cpp and tests.
#pragma once

#include "failover/sensors/sensor.h"

namespace ha::failover {

// network.cpp: what is between this host and others
[[nodiscard]] SensorMade make_ping(const SensorSetup& setup);
[[nodiscard]] SensorMade make_net_loss(const SensorSetup& setup);
[[nodiscard]] SensorMade make_net_gateway(const SensorSetup& setup);
// service.cpp: what answers on a port
[[nodiscard]] SensorMade make_tcp(const SensorSetup& setup);
[[nodiscard]] SensorMade make_http(const SensorSetup& setup);
[[nodiscard]] SensorMade make_sip_options(const SensorSetup& setup);
// sip_register.cpp
[[nodiscard]] SensorMade make_sip_register(const SensorSetup& setup);
// process.cpp
[[nodiscard]] SensorMade make_process(const SensorSetup& setup);
[[nodiscard]] SensorMade make_fd_use(const SensorSetup& setup);
[[nodiscard]] SensorMade make_thread_use(const SensorSetup& setup);
// cpu.cpp
[[nodiscard]] SensorMade make_cpu_load(const SensorSetup& setup);
[[nodiscard]] SensorMade make_cpu_steal(const SensorSetup& setup);
[[nodiscard]] SensorMade make_pressure(const SensorSetup& setup);  // cpu, mem, disk
// memory.cpp
[[nodiscard]] SensorMade make_mem_available(const SensorSetup& setup);
[[nodiscard]] SensorMade make_mem_oom_kill(const SensorSetup& setup);
// disk.cpp
[[nodiscard]] SensorMade make_disk_space(const SensorSetup& setup);
[[nodiscard]] SensorMade make_disk_inodes(const SensorSetup& setup);
[[nodiscard]] SensorMade make_disk_readonly(const SensorSetup& setup);
[[nodiscard]] SensorMade make_disk_latency(const SensorSetup& setup);
// spool.cpp
[[nodiscard]] SensorMade make_voicemail_spool(const SensorSetup& setup);
[[nodiscard]] SensorMade make_recording_growth(const SensorSetup& setup);
// clock.cpp
[[nodiscard]] SensorMade make_clock_offset(const SensorSetup& setup);
// interface.cpp: this host's own side of the network
[[nodiscard]] SensorMade make_net_link(const SensorSetup& setup);
[[nodiscard]] SensorMade make_net_errors(const SensorSetup& setup);
[[nodiscard]] SensorMade make_net_conntrack(const SensorSetup& setup);
[[nodiscard]] SensorMade make_net_udp_drops(const SensorSetup& setup);
[[nodiscard]] SensorMade make_rtp_ports(const SensorSetup& setup);
// names.cpp
[[nodiscard]] SensorMade make_dns_resolve(const SensorSetup& setup);
[[nodiscard]] SensorMade make_dns_authority(const SensorSetup& setup);
// certificate.cpp
[[nodiscard]] SensorMade make_tls_cert(const SensorSetup& setup);
// hardware.cpp
[[nodiscard]] SensorMade make_hw_health(const SensorSetup& setup);
// drift.cpp
[[nodiscard]] SensorMade make_config_drift(const SensorSetup& setup);
// pbx.cpp: whether the PBX is alive
[[nodiscard]] SensorMade make_pbx_ctl_latency(const SensorSetup& setup);
[[nodiscard]] SensorMade make_pbx_booted(const SensorSetup& setup);
[[nodiscard]] SensorMade make_pbx_deadlock(const SensorSetup& setup);
[[nodiscard]] SensorMade make_pbx_events(const SensorSetup& setup);
[[nodiscard]] SensorMade make_pbx_taskprocessor(const SensorSetup& setup);
[[nodiscard]] SensorMade make_sip_profiles(const SensorSetup& setup);
[[nodiscard]] SensorMade make_astdb_write(const SensorSetup& setup);
// calls.cpp: what it does for callers
[[nodiscard]] SensorMade make_call_limit(const SensorSetup& setup);
[[nodiscard]] SensorMade make_reg_count_drop(const SensorSetup& setup);
[[nodiscard]] SensorMade make_reg_reachable(const SensorSetup& setup);
[[nodiscard]] SensorMade make_trunk_qualify(const SensorSetup& setup);
[[nodiscard]] SensorMade make_trunk_registration(const SensorSetup& setup);
// plugin.cpp
[[nodiscard]] SensorMade make_plugin(const SensorSetup& setup);

}  // namespace ha::failover
