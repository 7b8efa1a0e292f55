"""The keys that livekit-server 1.13.5 knows in each section of its configuration.

From pkg/config/config.go and what it draws in (rtcconfig, redis, logger, webhook, rpc, sfu, agent);
the tests hold them beside the real one. `[]` is each mapping of a list. What is not here is not
judged: `keys` and `room.room_configurations` are free, the rest is deep within congestion control.
"""

from __future__ import annotations

_WRITTEN = {
    "": """port bind_addresses prometheus_port prometheus debug_handler rtc redis audio video room
        turn ingress sip webhook node_selector key_file keys region signal_relay psrpc log_level
        logging limit agents development metric trace node_stats enable_data_tracks
        enable_participant_data_blob api""",
    "rtc": """udp_port tcp_port port_range_start port_range_end use_stun_port_as_ice node_ip
        stun_servers use_external_ip skip_external_ip_validation advertise_internal_ip use_ice_lite
        interfaces ips enable_loopback_candidate use_mdns external_ip_only batch_io sctp_min_cwnd
        sctp_fast_rtx_wnd sctp_cwnd_ca_step host_acceptance_min_wait srflx_acceptance_min_wait
        prflx_acceptance_min_wait relay_acceptance_min_wait force_tcp turn_servers strict_acks
        packet_buffer_size packet_buffer_size_video packet_buffer_size_audio pli_throttle
        congestion_control allow_tcp_fallback tcp_fallback_rtt_threshold allow_udp_unstable_fallback
        reconnect_on_publication_error reconnect_on_subscription_error
        reconnect_on_data_channel_error data_channel_max_buffered_amount datachannel_slow_threshold
        datachannel_lossy_target_latency datachannel_data_track_target_latency forward_stats
        enable_rtp_stream_restart_detection""",
    "rtc.turn_servers[]": "host port protocol username credential secret secret_file ttl",
    "rtc.interfaces": "includes excludes",
    "rtc.ips": "includes excludes",
    "rtc.batch_io": "batch_size max_flush_interval",
    "rtc.pli_throttle": "low_quality mid_quality high_quality",
    "rtc.forward_stats": "summary_interval report_interval report_window",
    "rtc.congestion_control": """enabled allow_pause stream_allocator remote_bwe
        use_send_side_bwe_interceptor use_send_side_bwe send_side_bwe_pacer send_side_bwe""",
    "turn": """enabled domain cert_file key_file tls_port udp_port relay_range_start relay_range_end
        external_tls bind_addresses ttl_seconds allow_restricted_peer_cidrs deny_peer_cidrs""",
    "room": """auto_create enabled_codecs max_participants empty_timeout departure_timeout
        enable_remote_unmute playout_delay sync_streams create_room_timeout create_room_attempts
        update_batch_target_size max_metadata_size max_room_name_length
        max_participant_identity_length room_configurations""",
    "room.enabled_codecs[]": "mime fmtp_line",
    "room.playout_delay": "enabled min max",
    "redis": """address username password db use_tls tls sentinel_master_name sentinel_username
        sentinel_password sentinel_addresses cluster_addresses dial_timeout read_timeout
        write_timeout max_redirects pool_timeout pool_size""",
    "redis.tls": "enabled insecure server_name ca_cert_file client_cert_file client_key_file",
    "logging": """json level sample component_levels sample_initial sample_interval
        item_sample_seconds item_sample_initial item_sample_interval pion_level""",
    "webhook": "urls api_key url_notifier resource_url_notifier filter_params",
    "webhook.url_notifier": "num_workers queue_size",
    "webhook.resource_url_notifier": "max_age max_depth",
    "webhook.filter_params": "include_events exclude_events",
    "limit": """num_tracks bytes_per_sec subscription_limit_video subscription_limit_audio
        max_metadata_size max_attributes_size max_room_name_length max_participant_identity_length
        max_participant_name_length max_data_blob_key_length max_data_blobs_size
        max_data_track_custom_encoding_length""",
    "audio": """active_level min_percentile update_interval smooth_intervals active_red_encoding
        enable_loss_proxying""",
    "video": "dynacast_pause_delay stream_tracker_manager codec_regression_threshold",
    "video.stream_tracker_manager": "video screenshare",
    "node_selector": "kind sort_by algorithm cpu_load_limit sysload_limit regions",
    "node_selector.regions[]": "name lat lon",
    "signal_relay": """retry_timeout min_retry_interval max_retry_interval stream_buffer_size
        connect_attempts""",
    "psrpc": "max_attempts timeout backoff buffer_size",
    "ingress": "rtmp_base_url whip_base_url",
    "sip": "",
    "prometheus": "port username password",
    "debug_handler": "port",
    "metric": "timestamper_config collector reporter",
    "trace": "jaeger_url",
    "node_stats": "stats_update_interval stats_rate_measurement_intervals stats_max_delay",
    "agents": "enable_user_data_recording enable_user_data_redaction target_load",
    "api": """execution_timeout check_interval max_check_interval
        enable_psrpc_for_get_list_participants""",
}
SECTIONS = {section: frozenset(names.split()) for section, names in _WRITTEN.items()}
