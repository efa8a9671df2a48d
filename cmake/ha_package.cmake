# What is installed, and the Debian package made of it: cpack --preset deb. docs/packaging.md says why.
# Paths outside of the prefix are absolute: they are systemd's and the operator's, not ours.
set(units /lib/systemd/system)
set(doc share/doc/hareplicate)
set(made ${CMAKE_BINARY_DIR}/package)
file(MAKE_DIRECTORY ${made})

# ha_install_gzip(source destination name): compressed as Debian wants it, -9 and without a time.
function(ha_install_gzip source destination name)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${source})
  execute_process(COMMAND gzip -9nc ${source} OUTPUT_FILE ${made}/${name}.gz COMMAND_ERROR_IS_FATAL ANY)
  install(FILES ${made}/${name}.gz DESTINATION ${destination})
endfunction()

set(HA_PACKAGE_CONTACT "hareplicate maintainers <maintainers@hareplicate.example>"
    CACHE STRING "Maintainer of the package")

# Members of the group call hareplicate, and only root has sbin in its path.
install(TARGETS hareplicate failover DESTINATION bin)
install(TARGETS dnsupdater replicator DESTINATION sbin)
foreach(page hareplicate.8 dnsupdater.8 failover.8 replicator.8 cluster.toml.5)
  string(REGEX MATCH "[0-9]$" section ${page})
  ha_install_gzip(${CMAKE_SOURCE_DIR}/docs/man/${page} share/man/man${section} ${page})
endforeach()
# Made by the targets of ha_completion(), which are part of all.
foreach(program hareplicate dnsupdater failover)
  install(FILES ${CMAKE_BINARY_DIR}/completion/${program} DESTINATION share/bash-completion/completions)
endforeach()

install(FILES conf/systemd/replicator.service conf/systemd/failover.service DESTINATION ${units})
install(FILES conf/systemd/sysusers.conf DESTINATION lib/sysusers.d RENAME hareplicate.conf)
install(FILES conf/systemd/tmpfiles.conf DESTINATION lib/tmpfiles.d RENAME hareplicate.conf)
# Both belong to the operator from here on; the group of the first is given by postinst.
install(DIRECTORY DESTINATION /etc/hareplicate
        DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE)
install(DIRECTORY DESTINATION /etc/hareplicate/secrets
        DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE)

set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/CHANGELOG.md)
execute_process(COMMAND ${CMAKE_SOURCE_DIR}/cmake/debian_changelog.py ${CMAKE_SOURCE_DIR}/CHANGELOG.md
                        ${PROJECT_VERSION} ${HA_PACKAGE_CONTACT}
                OUTPUT_FILE ${made}/changelog COMMAND_ERROR_IS_FATAL ANY)
ha_install_gzip(${made}/changelog ${doc} changelog)
install(FILES conf/debian/copyright docs/config-push.md docs/divergence.md docs/dns.md docs/events.md
              docs/failover.md docs/failover-model.md docs/glossary.md docs/guards.md docs/handlers.md
              docs/keys.md docs/operations.md docs/overlays.md docs/packaging.md docs/pairing.md
              docs/placement.md docs/sensors.md docs/units.md DESTINATION ${doc})
install(FILES conf/debian/lintian-overrides DESTINATION share/lintian/overrides RENAME hareplicate)
install(FILES conf/cluster.toml conf/three-sites.toml conf/node.toml conf/systemd/sets.conf
              conf/nftables/hareplicate.nft DESTINATION ${doc}/examples)
install(PROGRAMS conf/handlers/firewall conf/handlers/floating-address conf/handlers/page
        DESTINATION share/hareplicate/handlers)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME hareplicate)
set(CPACK_PACKAGE_CONTACT ${HA_PACKAGE_CONTACT})
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
    OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS
    "systemd | systemd-standalone-sysusers, systemd | systemd-standalone-tmpfiles, procps, tzdata")
# To look at the kernel guard, which needs the library only; for the example handlers and sensors.
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS nftables)
set(CPACK_DEBIAN_PACKAGE_SUGGESTS
    "iproute2, iputils-arping, default-mta | mail-transport-agent, monitoring-plugins-basic")
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION
"Keeps the files of telephone systems on different continents equal, over
encrypted links that may be long and lossy, so that another site has
everything that is needed to take over when one is lost.

This package has the daemon replicator, one for each site, the command
hareplicate, which shows and steers it, failover, which decides which site
holds which service and moves it, and dnsupdater, which changes DNS by
compare-and-swap and leads callers to a maintenance address and back.")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
    ${CMAKE_SOURCE_DIR}/conf/debian/postinst ${CMAKE_SOURCE_DIR}/conf/debian/prerm
    ${CMAKE_SOURCE_DIR}/conf/debian/postrm)
include(CPack)
