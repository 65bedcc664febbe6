// Runs once, on an empty database: the worker's user, for its own database and no other.
// dbAdmin is for changing how long readings are kept.
db.getSiblingDB("iss").createUser({
  user: "worker",
  pwd: process.env.MONGO_PASSWORD,
  roles: ["readWrite", "dbAdmin"],
});
