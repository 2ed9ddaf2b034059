// For tests: values with everything that JSON.stringify treats in its own way, the same ones for the same seed.
(seed) => {
  let s = seed;
  const rnd = (n) => {
    s = (s * 1103515245 + 12345) % 2147483648;
    return Math.floor((s / 2147483648) * n);
  };
  const texts = [
    '',
    'a',
    'ñ',
    '😀',
    '\ud800',
    'x\udc00y',
    '\u0000\u001f"\\/',
    '\u2028',
    'line\nbreak\t',
    '</script>',
    'toJSON',
    'x'.repeat(300),
    'a' + 'b'.repeat(200)
  ];
  const value = (depth) => {
    const kind = rnd(depth > 4 ? 12 : 26);
    switch (kind) {
      case 0:
        return null;
      case 1:
        return undefined;
      case 2:
        return rnd(2) === 0;
      case 3:
        return rnd(1000000) - 500000;
      case 4:
        return (rnd(1000000) - 500000) / 1000;
      case 5:
        return [
          NaN,
          Infinity,
          -Infinity,
          -0,
          0,
          1e21,
          1e-7,
          123456789012345680000,
          5e-324,
          1.7976931348623157e308,
          2 ** 53,
          -(2 ** 53) - 2,
          4294967296.5
        ][rnd(13)];
      case 6:
      case 7:
        return texts[rnd(texts.length)];
      case 8:
        return new Date(rnd(2) ? NaN : rnd(2147483647) * 1000);
      case 9:
        return () => 1;
      case 10:
        return Symbol('s');
      case 11:
        return [new Number(3.5), new String('boxed'), new Boolean(false), new Number(-0)][rnd(4)];
      case 12:
        return new Map([[1, 2]]);
      case 13:
        return new Set([1]);
      case 14:
        return /re/g;
      case 15:
        return new Uint8Array([1, 2, 3]);
      case 16:
        return new Error('hidden');
      case 17:
        return {
          toJSON(key) {
            return ['k', key, typeof key];
          }
        };
      case 18: {
        const v = value(depth + 1);
        return {
          get a() {
            return v;
          },
          [Symbol('x')]: 1,
          2: 'number',
          1: 'before'
        };
      }
      case 19:
        return Object.create(
          { inherited: 1 },
          { hidden: { value: 1 }, seen: { value: value(depth + 1), enumerable: true } }
        );
      case 20:
        return new Proxy([value(depth + 1), 2], {});
      case 21:
        return new Proxy({ p: value(depth + 1) }, {});
      case 22: {
        const a = [];
        a.length = rnd(4);
        a[1] = value(depth + 1);
        return a;
      }
      case 23: {
        const o = Object.create(null);
        o['key ' + texts[rnd(texts.length)]] = value(depth + 1);
        o[texts[rnd(texts.length)]] = value(depth + 1);
        return o;
      }
      case 24:
        return Array.from({ length: rnd(5) }, () => value(depth + 1));
      default: {
        const o = {};
        for (let i = rnd(6); i > 0; i--) o['k' + rnd(50)] = value(depth + 1);
        return o;
      }
    }
  };
  return value(0);
};
