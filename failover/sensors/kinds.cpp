// The table of the sensors that are built in. Levels are those of docs/failover.md, "Sensors".
#include <array>

#include "failover/sensors/families.h"
#include "failover/sensors/registry.h"

namespace ha::failover {
namespace {

using enum ConfigType;

constexpr ConfigKey key(std::string_view name, ConfigType type, std::string_view range,
                        std::string_view fallback, std::string_view doc) {
  return {"sensor", name, type, range, fallback, doc};
}

// ---------------------------------------------------------------- options that several kinds have
constexpr ConfigKey kAddress =
    key("address", Text, "", kRequired, "Address of the other host; names are not looked up.");
constexpr ConfigKey kEndpoint = key("address", Text, "", kRequired,
                                    "Address and port, 192.0.2.10:80 or [2001:db8::10]:80; names are not "
                                    "looked up.");
constexpr ConfigKey kPath = key("path", Text, "", kRequired, "A directory of the file system.");
constexpr ConfigKey kProcess =
    key("process", Text, "", "", "Name of the process, as /proc/PID/comm has it (15 bytes).");
constexpr ConfigKey kPidfile =
    key("pidfile", Text, "", "", "File with its id; process is then only compared with it.");
constexpr ConfigKey kInterface = key("interface", Text, "", kRequired, "Name of the interface, eth0.");

constexpr std::array kPing{kAddress};
constexpr std::array kNetLoss{kAddress, key("count", Integer, "2..50", "10", "Packets for one reading."),
                              key("window", Integer, "10..1000", "100", "The last packets that count.")};
constexpr std::array kNetGateway{key("interface", Text, "", "", "Only gateways of this interface.")};
constexpr std::array kTcp{kEndpoint};
constexpr std::array kHttp{kEndpoint, key("host", Text, "", "localhost", "The Host header."),
                           key("path", Text, "", "/", "What is asked for."),
                           key("status", Integer, "100..599", "200", "The status that is wanted."),
                           key("body", Text, "", "", "A text that the answer, of at most 1 MiB, must have.")};
constexpr std::array kSip{kEndpoint, key("transport", Choice, "udp|tcp", "udp", "How the request is sent."),
                          key("user", Text, "", "", "User part of the URI that is asked.")};
constexpr std::array kRegister{
    kEndpoint, key("transport", Choice, "udp|tcp", "udp", "How the request is sent."),
    key("user", Text, "", kRequired, "Who registers: an account that nobody else has."),
    key("domain", Text, "", "", "The domain of its address; none: the server's address."),
    key("secret_file", Text, "", "secrets/sip-probe",
        "Its password, one line, mode 0600; in node.toml's directory.")};
constexpr std::array kProcessOptions{
    kProcess, kPidfile,
    key("stuck_for", Span, "100ms..1h", "1s", "It trips when stopped, or waiting for the disk, that long."),
    key("restart_for", Span, "1s..1d", "60s", "It warns for that long after a restart.")};
constexpr std::array kUse{kProcess, kPidfile};
constexpr std::array kOomKill{
    key("window", Span, "1m..1d", "10m", "How long a killed process is remembered.")};
constexpr std::array kDisk{kPath};
constexpr std::array kReadonly{kPath, key("write", Boolean, "", "true", "Writes a small file there, too.")};
constexpr std::array kLatency{key("path", Text, "", "", "A directory on it."),
                              key("device", Text, "", "", "Name as in /proc/diskstats, instead of path.")};
constexpr std::array kSpool{kPath, key("user", Text, "", "", "Who writes; it is then done by dd.")};
constexpr std::array kRecording{kPath, kProcess, kPidfile};
constexpr std::array kClock{
    key("server", Text, "", "", "Address and port of an NTP server that the clock is compared with.")};
constexpr std::array kLink{
    kInterface, key("speed", Integer, "1..1000000", "", "Mbit/s that it has to have; less warns.")};
constexpr std::array kNetErrors{kInterface};
constexpr std::array kRtp{key("first", Integer, "1..65535", "10000", "The first port of the range."),
                          key("last", Integer, "1..65535", "20000", "The last one.")};
constexpr std::array kResolve{
    key("query", Text, "", kRequired, "The name to look up."), key("type", Text, "", "A", "Its type."),
    key("resolvers", TextList, "", "", "Whom to ask; none: those of /etc/resolv.conf."),
    key("expect", TextList, "", "", "The answer that is wanted, as in a zone file, all of it.")};
constexpr std::array kAuthority{
    key("zone", Text, "", kRequired, "The zone."),
    key("servers", TextList, "", kRequired, "Its name servers, at least two."),
    key("query", Text, "", "", "A name that all of them have to answer the same."),
    key("type", Text, "", "A", "Its type."), key("ttl_max", Span, "0s..7d", "", "A longer TTL of it warns.")};
constexpr std::array kCertificate{
    key("address", Text, "", "", "Address and port of a TLS server."),
    key("server_name", Text, "", "", "The name that is asked for (SNI)."),
    key("file", Text, "", "", "A certificate in PEM form, instead of address.")};
constexpr std::array kDrift{
    kPath, key("expected", Text, "", "", "File with the digest that is right; none: as at the start.")};
constexpr std::array kPlugin{
    key("command", TextList, "", kRequired, "The executable and its arguments; no shell."),
    key("user", Text, "", "", "Who it runs as.")};

// What asks the PBX; where cluster.toml has [pbx], these are as there.
constexpr ConfigKey kPbx = key("pbx", Choice, "asterisk|freeswitch", "asterisk", "Which PBX is asked.");
constexpr ConfigKey kPbxAddress = key(
    "address", Text, "", "", "Its manager or event socket, of this host; 127.0.0.1:5038 or 127.0.0.1:8021.");
constexpr ConfigKey kPbxUser = key("user", Text, "", "hareplicate", "Of Asterisk: who we are.");
constexpr ConfigKey kPbxSecret =
    key("secret_file", Text, "", "secrets/pbx", "Its secret, one line, mode 0600; in node.toml's directory.");
constexpr ConfigKey kLeast = key("least", Integer, "1..100000", "10", "With fewer it is always good.");
constexpr std::array kPbxOptions{kPbx, kPbxAddress, kPbxUser, kPbxSecret};
constexpr std::array kBooted{
    kPbx, kPbxAddress, kPbxUser, kPbxSecret,
    key("restart_for", Span, "1s..1d", "60s", "It warns for that long after a restart.")};
constexpr std::array kCallLimit{
    kPbx, kPbxAddress, kPbxUser, kPbxSecret,
    key("limit", Integer, "0..1000000", "0", "So many calls are all; 0: the limit that the PBX has.")};
constexpr std::array kCountDrop{
    kPbx,     kPbxAddress,
    kPbxUser, kPbxSecret,
    kLeast,   key("window", Span, "1m..1d", "15m", "They are compared with the most of that time.")};
constexpr std::array kReachable{kPbx, kPbxAddress, kPbxUser, kPbxSecret, kLeast};
constexpr std::array kTrunkQualify{
    kPbx, kPbxAddress, kPbxUser, kPbxSecret,
    key("trunks", TextList, "", kRequired, "Endpoints of Asterisk, gateways of FreeSWITCH.")};
constexpr std::array kTrunkRegistration{
    kPbx, kPbxAddress, kPbxUser, kPbxSecret,
    key("trunks", TextList, "", "",
        "Registrations of Asterisk, gateways of FreeSWITCH; none: all that register.")};
constexpr std::array kProfiles{
    kPbx, kPbxAddress, kPbxUser, kPbxSecret,
    key("profiles", TextList, "", "", "Those that have to run; none: at least one.")};

constexpr std::span<const ConfigKey> kNone;

constexpr auto kState = SensorUnit::State;
constexpr auto kPercent = SensorUnit::Percent;
constexpr auto kSeconds = SensorUnit::Seconds;
constexpr auto kNumber = SensorUnit::Number;
constexpr auto kServing = CountsWhen::Serving;
constexpr auto kAbove = Worse::Above;
constexpr auto kBelow = Worse::Below;

constexpr std::array kKinds{
    SensorKind{"ping", "Time of an ICMP echo to a host and back.", "5s", "2s", 20, 3, kSeconds, kAbove,
               "300ms", "1s", kPing, make_ping},
    SensorKind{"tcp", "Time until a TCP port takes a connection.", "5s", "2s", 50, 3, kSeconds, kAbove,
               "500ms", "2s", kTcp, make_tcp},
    SensorKind{"http", "Time until an HTTP server has answered, with the status and text that is wanted.",
               "10s", "5s", 50, 3, kSeconds, kAbove, "1s", "4s", kHttp, make_http},
    SensorKind{"sip.options", "Time until a SIP server has answered OPTIONS, with any final reply.", "2s",
               "2s", 100, 3, kSeconds, kAbove, "500ms", "2s", kSip, make_sip_options, kServing},
    SensorKind{"sip.register",
               "Time until a SIP server has taken a registration of ours, kept it and taken it back.", "60s",
               "8s", 60, 2, kSeconds, kAbove, "500ms", "2s", kRegister, make_sip_register, kServing},
    SensorKind{"process", "Whether a process runs: neither gone nor stopped nor stuck nor just restarted.",
               "1s", "1s", 100, 1, kState, kAbove, "", "", kProcessOptions, make_process},
    SensorKind{"fd.use", "Open descriptors of a process, of what it may have.", "10s", "2s", 30, 3, kPercent,
               kAbove, "70%", "85%", kUse, make_fd_use},
    SensorKind{"thread.use", "Threads of a process, of what it or its control group may have.", "10s", "2s",
               30, 3, kPercent, kAbove, "70%", "85%", kUse, make_thread_use},
    SensorKind{"cpu.load", "Load average of one minute, per processor.", "5s", "1s", 20, 3, kNumber, kAbove,
               "1.5", "2", kNone, make_cpu_load},
    SensorKind{"cpu.pressure", "Part of the last 10 s in which something waited for a processor.", "5s", "1s",
               20, 3, kPercent, kAbove, "20%", "40%", kNone, make_pressure},
    SensorKind{"cpu.steal", "Processor time that the hypervisor gave to others.", "10s", "1s", 20, 3,
               kPercent, kAbove, "5%", "10%", kNone, make_cpu_steal},
    SensorKind{"mem.available", "Memory that is to be had without swapping.", "5s", "1s", 60, 3, kPercent,
               kBelow, "10%", "5%", kNone, make_mem_available},
    SensorKind{"mem.oom_kill", "Processes that the kernel has killed for want of memory.", "5s", "1s", 40, 1,
               kNumber, kAbove, "", "1", kOomKill, make_mem_oom_kill},
    SensorKind{"mem.pressure", "Part of the last 10 s in which all waited for memory.", "5s", "1s", 40, 3,
               kPercent, kAbove, "5%", "20%", kNone, make_pressure},
    SensorKind{"disk.space", "Free space of a file system.", "10s", "5s", 60, 3, kPercent, kBelow, "10%",
               "5%", kDisk, make_disk_space},
    SensorKind{"disk.inodes", "Free inodes of a file system.", "10s", "5s", 60, 3, kPercent, kBelow, "10%",
               "5%", kDisk, make_disk_inodes},
    SensorKind{"disk.readonly", "Whether a file system can be written to.", "10s", "5s", 100, 2, kState,
               kAbove, "", "", kReadonly, make_disk_readonly},
    SensorKind{"disk.latency", "Mean time of a read or write of a disk since the last reading.", "5s", "1s",
               30, 3, kSeconds, kAbove, "50ms", "200ms", kLatency, make_disk_latency},
    SensorKind{"disk.pressure", "Part of the last 10 s in which all waited for disks.", "5s", "1s", 20, 3,
               kPercent, kAbove, "20%", "40%", kNone, make_pressure},
    SensorKind{"voicemail.spool", "Time to write, sync and remove a file in a directory.", "10s", "5s", 60, 3,
               kSeconds, kAbove, "200ms", "500ms", kSpool, make_voicemail_spool},
    SensorKind{"recording.growth", "How long a file that a process writes to has not grown.", "2s", "1s", 20,
               3, kSeconds, kAbove, "", "10s", kRecording, make_recording_growth},
    SensorKind{"clock.offset", "Error of the wall clock, as the kernel or an NTP server sees it.", "10s",
               "2s", 30, 3, kSeconds, kAbove, "100ms", "1s", kClock, make_clock_offset},
    SensorKind{"net.link", "Whether an interface is up, with full duplex and its speed.", "1s", "1s", 80, 2,
               kState, kAbove, "", "", kLink, make_net_link},
    SensorKind{"net.errors", "Packets of an interface that were broken or dropped since the last reading.",
               "10s", "1s", 20, 3, kPercent, kAbove, "1%", "5%", kNetErrors, make_net_errors},
    SensorKind{"net.gateway", "Whether every default gateway answers ICMP or ARP.", "5s", "2s", 60, 3, kState,
               kAbove, "", "", kNetGateway, make_net_gateway},
    SensorKind{"net.loss", "ICMP echoes to a host that were lost, of the last hundred.", "2s", "1500ms", 30,
               3, kPercent, kAbove, "1%", "3%", kNetLoss, make_net_loss},
    SensorKind{"net.conntrack", "Connections that the kernel tracks, of what it can.", "5s", "1s", 40, 3,
               kPercent, kAbove, "75%", "90%", kNone, make_net_conntrack},
    SensorKind{"net.udp_drops", "UDP packets a second that found their receiver's buffer full.", "5s", "1s",
               20, 3, kNumber, kAbove, "1", "50", kNone, make_net_udp_drops},
    SensorKind{"rtp.ports", "UDP ports of the RTP range that are in use.", "5s", "1s", 60, 3, kPercent,
               kAbove, "70%", "85%", kRtp, make_rtp_ports},
    SensorKind{"dns.resolve", "Time until every resolver has given the right answer.", "10s", "5s", 30, 3,
               kSeconds, kAbove, "1s", "2s", kResolve, make_dns_resolve},
    SensorKind{"dns.authority", "How long the servers of a zone have not had the same.", "30s", "10s", 20, 3,
               kSeconds, kAbove, "", "60s", kAuthority, make_dns_authority},
    SensorKind{"tls.cert", "Time until a certificate expires.", "10m", "5s", 20, 3, kSeconds, kBelow, "21d",
               "7d", kCertificate, make_tls_cert},
    SensorKind{"hw.health",
               "Memory errors that were not corrected; throttled processors and broken "
               "mirrors warn.",
               "60s", "5s", 30, 1, kNumber, kAbove, "", "1", kNone, make_hw_health},
    SensorKind{"config.drift", "Whether the files below a directory are what they should be.", "60s", "10s",
               10, 2, kState, kAbove, "", "", kDrift, make_config_drift},
    SensorKind{"pbx.ctl_latency", "Time until the PBX has answered a question that costs it nothing.", "1s",
               "1s", 100, 3, kSeconds, kAbove, "300ms", "1s", kPbxOptions, make_pbx_ctl_latency, kServing},
    SensorKind{"pbx.booted", "Whether the PBX has started up, and was not just restarted.", "5s", "5s", 50, 1,
               kState, kAbove, "", "", kBooted, make_pbx_booted, kServing},
    SensorKind{"pbx.deadlock", "Time until the PBX has listed its channels, for which it takes its locks.",
               "10s", "5s", 100, 2, kSeconds, kAbove, "1s", "4s", kPbxOptions, make_pbx_deadlock, kServing},
    SensorKind{"pbx.events", "Of FreeSWITCH: time until an event of ours has come back.", "1s", "1s", 100, 3,
               kSeconds, kAbove, "250ms", "1s", kPbxOptions, make_pbx_events, kServing},
    SensorKind{"pbx.taskprocessor", "Of Asterisk: the fullest queue of tasks, of its high water mark.", "5s",
               "2s", 60, 2, kPercent, kAbove, "50%", "100%", kPbxOptions, make_pbx_taskprocessor, kServing},
    SensorKind{"sip.profiles", "Of FreeSWITCH: whether its SIP profiles run.", "5s", "2s", 80, 2, kState,
               kAbove, "", "", kProfiles, make_sip_profiles, kServing},
    SensorKind{"astdb.write", "Of Asterisk: time until it has written a row of AstDB that stays.", "60s",
               "5s", 40, 1, kSeconds, kAbove, "500ms", "2s", kPbxOptions, make_astdb_write, kServing},
    SensorKind{"call.limit", "Calls, and new ones a second, of what the PBX takes.", "5s", "2s", 30, 3,
               kPercent, kAbove, "80%", "90%", kCallLimit, make_call_limit, kServing},
    SensorKind{"reg.count_drop", "Registrations, of the most in the last minutes.", "10s", "5s", 40, 3,
               kPercent, kBelow, "85%", "70%", kCountDrop, make_reg_count_drop, kServing},
    SensorKind{"reg.reachable", "Of Asterisk: contacts that answer, of those that it asks.", "10s", "5s", 30,
               3, kPercent, kBelow, "90%", "80%", kReachable, make_reg_reachable, kServing},
    SensorKind{"trunk.qualify", "Trunks that do not answer OPTIONS.", "10s", "5s", 30, 3, kPercent, kAbove,
               "1%", "100%", kTrunkQualify, make_trunk_qualify, kServing},
    SensorKind{"trunk.registration", "Trunks at which the PBX is not registered.", "10s", "5s", 30, 3,
               kPercent, kAbove, "1%", "100%", kTrunkRegistration, make_trunk_registration, kServing},
    SensorKind{"plugin", "What an executable says, as Nagios plugins do; warn and trip are of its score.",
               "30s", "10s", 50, 3, kNumber, kAbove, "40", "70", kPlugin, make_plugin},
};

}  // namespace

std::span<const SensorKind> sensor_kinds() noexcept {
  return kKinds;
}

}  // namespace ha::failover
