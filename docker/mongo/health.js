// Whether MongoDB takes writes; at the first start it also founds the replica set.
// The password is read here, for arguments can be read by every process of the host.
const { MONGO_INITDB_ROOT_USERNAME: user, MONGO_INITDB_ROOT_PASSWORD: password } = process.env;
db.getSiblingDB("admin").auth(user, password);
try {
  rs.status();
} catch {
  rs.initiate({ _id: "rs0", members: [{ _id: 0, host: "mongo:27017" }] });
}
if (!db.hello().isWritablePrimary) quit(1);
