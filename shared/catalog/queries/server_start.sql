-- Since when the server counts missing indexes and the use of indexes: both begin anew with it.
-- learn.microsoft.com: sys.dm_os_sys_info (on Basic: ##MS_ServerStateReader##).
SELECT /* pantry-monitor */ sqlserver_start_time
FROM sys.dm_os_sys_info;
