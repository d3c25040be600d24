# Keeps one PostgreSQL server: keeper.sh BIN [OPTION...]. Words on standard input say what to do; when it ends, however
# the process at its other end did, the server and all its files go.
trap '' INT TERM HUP
bin=$1
shift
place=$(mktemp -d "${TMPDIR:-/tmp}/pg.XXXXXX") || exit 1
cd "$place" || exit 1
server=
stop() {
    [ -z "$server" ] || { kill -QUIT "$server"; wait "$server"; }
    server=
}
echo "place $place"
"$bin/initdb" --pgdata=data --username=postgres --auth=trust --encoding=UTF8 --no-locale --no-sync >initdb.log 2>&1 ||
    { tail -3 initdb.log; rm -rf "$place"; exit 1; }
while read -r word; do
    case $word in
    start)
        "$bin/postgres" -D data -k "$place" "$@" 2>&1 </dev/null &
        server=$!
        ;;
    stop)
        stop
        echo stopped
        ;;
    esac
done
stop
cd /
rm -rf "$place"
