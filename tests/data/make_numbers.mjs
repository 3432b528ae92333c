// Writes numbers.txt: doubles as 16 hex digits, and the text that RFC 8785 gives them, which is ECMAScript's own.
//   node tests/data/make_numbers.mjs > tests/data/numbers.txt
// Seeded, so the file is always the same. It is committed: tests need no JavaScript.

let state = 8785n;
const next = () => {  // splitmix64
  state = BigInt.asUintN(64, state + 0x9e3779b97f4a7c15n);
  let mixed = state;
  mixed = BigInt.asUintN(64, (mixed ^ (mixed >> 30n)) * 0xbf58476d1ce4e5b9n);
  mixed = BigInt.asUintN(64, (mixed ^ (mixed >> 27n)) * 0x94d049bb133111ebn);
  return mixed ^ (mixed >> 31n);
};
const view = new DataView(new ArrayBuffer(8));
const seen = new Set();
const tell = (number) => {
  view.setFloat64(0, number);
  const bits = view.getBigUint64(0).toString(16).padStart(16, "0");
  if (Number.isFinite(number) && !seen.has(bits)) {
    seen.add(bits);
    console.log(`${bits} ${JSON.stringify(number)}`);
  }
};
const neighbours = (number) => {
  view.setFloat64(0, number);
  const bits = view.getBigUint64(0);
  for (const step of [-1n, 0n, 1n]) {
    view.setBigUint64(0, BigInt.asUintN(64, bits + step));
    tell(view.getFloat64(0));
  }
};

[0, -0, 1, -1, 0.5, 1.5, 10, 100, 5e-324, Number.MAX_VALUE, -Number.MAX_VALUE, 2 ** 53, -(2 ** 53)].forEach(tell);
for (let power = -12; power <= 25; power++) neighbours(Number(`1e${power}`)), neighbours(-Number(`9.5e${power}`));
for (let power = -1074; power < 1024; power += 37) neighbours(2 ** power);
for (let count = 0; count < 400; count++) {
  view.setBigUint64(0, next());
  tell(view.getFloat64(0));
}
for (let count = 0; count < 300; count++) {
  const digits = Number(next() % 10n ** BigInt(1 + (count % 17)));
  tell(digits / 10 ** (count % 23));
  tell(-digits * 10 ** (count % 7));
}
