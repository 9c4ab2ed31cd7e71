"use strict";

const assert = require("node:assert");
const { add, count } = require("./cart.js");

assert.strictEqual(count(add(add({}, "tea"), "tea")), 2);
