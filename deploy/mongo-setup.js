// What an administrator runs once on a new MongoDB server, by mongosh: the users of the carts.
// docker-compose.yml has the server run it when it starts for the first time.
const carts = db.getSiblingDB("ecom");
for (const user of ["pipeline", "shop"]) {
  carts.createUser({
    user,
    pwd: process.env[`${user.toUpperCase()}_PASSWORD`],
    roles: [{ role: "readWrite", db: "ecom" }],
  });
}
