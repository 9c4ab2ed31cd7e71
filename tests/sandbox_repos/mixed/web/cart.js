"use strict";

function add(cart, name) {
  return { ...cart, [name]: 1 };
}

function count(cart) {
  return Object.values(cart).length;
}

module.exports = { add, count };
