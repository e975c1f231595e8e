-- What a coordinator of schema 2 wrote: a study that was extended after its end and ended again, one under way with a failed
-- attempt, a checkpoint and a run that diverged, and one that is held. A fourth was deleted.
PRAGMA foreign_keys = OFF;
BEGIN TRANSACTION;
CREATE TABLE cohort (
    study        INTEGER NOT NULL REFERENCES study (number),
    number       INTEGER NOT NULL,
    runs         TEXT    NOT NULL,              -- JSON: [[trial, fold], …] in member order
    final_epochs INTEGER,                       -- NULL for cohorts of the search
    state        TEXT    NOT NULL,              -- ready, leased, done, failed, split
    attempt      INTEGER NOT NULL,
    failures     INTEGER NOT NULL,
    done_attempt INTEGER,                       -- the attempt that brought the results; may be an older one
    worker       TEXT,
    slot         INTEGER,
    error        TEXT, checkpoint_epoch INTEGER, checkpoint_digest TEXT, failed_kind TEXT, failed_attempt INTEGER, failed_worker TEXT, failed_unix_ms INTEGER,
    PRIMARY KEY (study, number)
) STRICT, WITHOUT ROWID;
INSERT INTO "cohort" VALUES(1,0,'[[0,0],[0,1]]',NULL,'done',1,0,1,'w',0,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "cohort" VALUES(1,1,'[[1,0],[1,1]]',NULL,'done',1,0,1,'w',0,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "cohort" VALUES(1,2,'[[1,2]]',2,'superseded_tested',1,0,1,'w',0,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "cohort" VALUES(1,3,'[[0,2],[0,3]]',NULL,'done',1,0,1,'w',0,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "cohort" VALUES(1,4,'[[1,2],[1,3]]',NULL,'done',1,0,1,'w',0,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "cohort" VALUES(1,5,'[[1,4]]',2,'done',1,0,1,'w',0,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "cohort" VALUES(2,0,'[[0,0],[0,1]]',NULL,'done',1,0,1,'w',0,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "cohort" VALUES(2,1,'[[1,0],[1,1]]',NULL,'leased',2,1,NULL,'v',0,'Crash',1,'543855244a8c8af9b447b3859148cb11d104af080c61bece0e4be63b5d6ab668','crash',1,'v',1000100);
INSERT INTO "cohort" VALUES(2,2,'[[2,0],[2,1]]',NULL,'ready',0,0,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE last_study (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    number   INTEGER NOT NULL
) STRICT;
INSERT INTO "last_study" VALUES(1,4);
CREATE TABLE refinery_schema_history(
             version int4 PRIMARY KEY,
             name VARCHAR(255),
             applied_on VARCHAR(255),
             checksum VARCHAR(255));
INSERT INTO "refinery_schema_history" VALUES(1,'studies','2026-11-21T15:06:45.03155903Z','10561892255183459117');
INSERT INTO "refinery_schema_history" VALUES(2,'operations','2026-11-21T15:06:45.031588701Z','12662634442208533999');
CREATE TABLE run (
    study          INTEGER NOT NULL REFERENCES study (number),
    trial          INTEGER NOT NULL,
    fold           INTEGER NOT NULL,            -- the final stage counts as the one after the last
    attempt        INTEGER NOT NULL,
    worker         TEXT    NOT NULL,
    outcome        TEXT    NOT NULL,            -- JSON
    weights_digest TEXT,
    device_model   TEXT    NOT NULL,
    software       TEXT    NOT NULL,
    PRIMARY KEY (study, trial, fold)
) STRICT, WITHOUT ROWID;
INSERT INTO "run" VALUES(1,0,0,1,'w','{"end":"finished","epochs":[{"epoch":1,"train_loss":0.6,"train_accuracy":0.4,"val_loss":0.6,"val_accuracy":0.4,"lr":0.1},{"epoch":2,"train_loss":0.5,"train_accuracy":0.5,"val_loss":0.5,"val_accuracy":0.5,"lr":0.1}],"seconds":1.0}',NULL,'test','test');
INSERT INTO "run" VALUES(1,0,1,1,'w','{"end":"finished","epochs":[{"epoch":1,"train_loss":0.599,"train_accuracy":0.401,"val_loss":0.599,"val_accuracy":0.401,"lr":0.1},{"epoch":2,"train_loss":0.499,"train_accuracy":0.501,"val_loss":0.499,"val_accuracy":0.501,"lr":0.1}],"seconds":1.0}',NULL,'test','test');
INSERT INTO "run" VALUES(1,0,2,1,'w','{"end":"finished","epochs":[{"epoch":1,"train_loss":0.598,"train_accuracy":0.402,"val_loss":0.598,"val_accuracy":0.402,"lr":0.1},{"epoch":2,"train_loss":0.498,"train_accuracy":0.502,"val_loss":0.498,"val_accuracy":0.502,"lr":0.1}],"seconds":1.0}',NULL,'test','test');
INSERT INTO "run" VALUES(1,0,3,1,'w','{"end":"finished","epochs":[{"epoch":1,"train_loss":0.597,"train_accuracy":0.403,"val_loss":0.597,"val_accuracy":0.403,"lr":0.1},{"epoch":2,"train_loss":0.497,"train_accuracy":0.503,"val_loss":0.497,"val_accuracy":0.503,"lr":0.1}],"seconds":1.0}',NULL,'test','test');
INSERT INTO "run" VALUES(1,1,0,1,'w','{"end":"finished","epochs":[{"epoch":1,"train_loss":0.59,"train_accuracy":0.41000000000000003,"val_loss":0.59,"val_accuracy":0.41000000000000003,"lr":0.1},{"epoch":2,"train_loss":0.49,"train_accuracy":0.51,"val_loss":0.49,"val_accuracy":0.51,"lr":0.1}],"seconds":1.0}',NULL,'test','test');
INSERT INTO "run" VALUES(1,1,1,1,'w','{"end":"finished","epochs":[{"epoch":1,"train_loss":0.589,"train_accuracy":0.41100000000000003,"val_loss":0.589,"val_accuracy":0.41100000000000003,"lr":0.1},{"epoch":2,"train_loss":0.489,"train_accuracy":0.511,"val_loss":0.489,"val_accuracy":0.511,"lr":0.1}],"seconds":1.0}',NULL,'test','test');
INSERT INTO "run" VALUES(1,1,2,1,'w','{"end":"finished","epochs":[{"epoch":1,"train_loss":0.588,"train_accuracy":0.41200000000000003,"val_loss":0.588,"val_accuracy":0.41200000000000003,"lr":0.1},{"epoch":2,"train_loss":0.488,"train_accuracy":0.512,"val_loss":0.488,"val_accuracy":0.512,"lr":0.1}],"seconds":1.0}',NULL,'test','test');
INSERT INTO "run" VALUES(1,1,3,1,'w','{"end":"finished","epochs":[{"epoch":1,"train_loss":0.587,"train_accuracy":0.41300000000000003,"val_loss":0.587,"val_accuracy":0.41300000000000003,"lr":0.1},{"epoch":2,"train_loss":0.487,"train_accuracy":0.513,"val_loss":0.487,"val_accuracy":0.513,"lr":0.1}],"seconds":1.0}',NULL,'test','test');
INSERT INTO "run" VALUES(1,1,4,1,'w','{"end":"finished","epochs":[{"epoch":1,"train_loss":0.586,"train_accuracy":0.41400000000000003,"val_loss":0.586,"val_accuracy":0.41400000000000003,"lr":0.1},{"epoch":2,"train_loss":0.486,"train_accuracy":0.514,"val_loss":0.486,"val_accuracy":0.514,"lr":0.1}],"seconds":1.0}','d8d831d71d2ed1871929843246c5b2e7d515638f92463dabc2105e750a391730','test','test');
INSERT INTO "run" VALUES(2,0,0,1,'w','{"end":"finished","epochs":[{"epoch":1,"train_loss":0.6,"train_accuracy":0.4,"val_loss":0.6,"val_accuracy":0.4,"lr":0.1},{"epoch":2,"train_loss":0.5,"train_accuracy":0.5,"val_loss":0.5,"val_accuracy":0.5,"lr":0.1}],"seconds":1.0}',NULL,'test','test');
INSERT INTO "run" VALUES(2,0,1,1,'w','{"end":{"diverged":2},"epochs":[{"epoch":1,"train_loss":0.599,"train_accuracy":0.401,"val_loss":0.599,"val_accuracy":0.401,"lr":0.1}],"seconds":1.0}',NULL,'test','test');
CREATE TABLE study (
    number          INTEGER PRIMARY KEY,
    request_id      TEXT    NOT NULL UNIQUE,
    spec_text       TEXT    NOT NULL,
    spec            TEXT    NOT NULL,           -- canonical JSON
    rows            TEXT    NOT NULL,           -- JSON: shape, classes, train_rows, test_rows
    sizes           TEXT    NOT NULL,           -- JSON: [[train, validation], …] by fold
    data_digest     TEXT    NOT NULL,
    folds_digest    TEXT    NOT NULL,
    created_unix_ms INTEGER NOT NULL,
    device          TEXT,                       -- NULL until planned
    ended_as        TEXT,                       -- NULL while it goes on
    ended_message   TEXT,
    ended_unix_ms   INTEGER
, paused INTEGER NOT NULL DEFAULT 0, earlier_specs TEXT NOT NULL DEFAULT '[]') STRICT;
INSERT INTO "study" VALUES(1,'one','name = "scene"
[data]
dataset = "fashion-mnist"
train_rows = 300
[validation]
repeated_k_fold = { folds = 2, repeats = 2, seed = 1 }
[network]
mlp = { hidden = [8] }
[train]
epochs = 2
batch_size = 100
optimizer = { kind = "sgd" }
[space]
"train.optimizer.lr" = [0.0010, 0.0020]
[plan]
width = 2
','{"name":"scene","seed":0,"data":{"dataset":"fashion-mnist","train_rows":300},"validation":{"repeated_k_fold":{"folds":2,"repeats":2,"seed":1}},"network":{"mlp":{"hidden":[8],"activation":"relu","batch_norm":false,"dropout":0.0},"init":"pytorch"},"train":{"epochs":2,"batch_size":100,"optimizer":{"kind":"sgd","lr":0.001},"schedule":"constant","shuffle":true,"common_random_numbers":true},"space":{"train.optimizer.lr":[0.001,0.002]},"selection":{"epoch":"best","allow_failed_folds":false},"final":{},"limits":{"attempts":3},"plan":{"width":2}}','{"shape":[1,28,28],"classes":10,"train_rows":300,"test_rows":10000}','[[150,150],[150,150],[150,150],[150,150]]','1c71512965f4449608c726e145754ccd64848df0f351fca2ffef207ec4953e45','3c42a42cfb2d81bbbc760170990d4d0b6ba026fe55141cdecd054f1ad83acfbb',1000000,'cpu','succeeded','',1000000,0,'["{\"name\":\"scene\",\"seed\":0,\"data\":{\"dataset\":\"fashion-mnist\",\"train_rows\":300},\"validation\":{\"repeated_k_fold\":{\"folds\":2,\"repeats\":1,\"seed\":1}},\"network\":{\"mlp\":{\"hidden\":[8],\"activation\":\"relu\",\"batch_norm\":false,\"dropout\":0.0},\"init\":\"pytorch\"},\"train\":{\"epochs\":2,\"batch_size\":100,\"optimizer\":{\"kind\":\"sgd\",\"lr\":0.001},\"schedule\":\"constant\",\"shuffle\":true,\"common_random_numbers\":true},\"space\":{\"train.optimizer.lr\":[0.001,0.002]},\"selection\":{\"epoch\":\"best\",\"allow_failed_folds\":false},\"final\":{},\"limits\":{\"attempts\":3},\"plan\":{\"width\":2}}"]');
INSERT INTO "study" VALUES(2,'two','name = "scene"
[data]
dataset = "fashion-mnist"
train_rows = 300
[validation]
k_fold = { folds = 2 }
[network]
mlp = { hidden = [8] }
[train]
epochs = 2
batch_size = 100
optimizer = { kind = "sgd" }
[space]
"train.optimizer.lr" = [0.0010, 0.0020, 0.0030]
[plan]
width = 2
','{"name":"scene","seed":0,"data":{"dataset":"fashion-mnist","train_rows":300},"validation":{"k_fold":{"folds":2,"shuffle":true,"seed":0}},"network":{"mlp":{"hidden":[8],"activation":"relu","batch_norm":false,"dropout":0.0},"init":"pytorch"},"train":{"epochs":2,"batch_size":100,"optimizer":{"kind":"sgd","lr":0.001},"schedule":"constant","shuffle":true,"common_random_numbers":true},"space":{"train.optimizer.lr":[0.001,0.002,0.003]},"selection":{"epoch":"best","allow_failed_folds":false},"final":{},"limits":{"attempts":3},"plan":{"width":2}}','{"shape":[1,28,28],"classes":10,"train_rows":300,"test_rows":10000}','[[150,150],[150,150]]','1c71512965f4449608c726e145754ccd64848df0f351fca2ffef207ec4953e45','ab51d34a7c21c53086da3bcd3a790be70c6d148ec17963928a275682aaca9bca',1000000,'cpu',NULL,NULL,NULL,0,'[]');
INSERT INTO "study" VALUES(3,'three','name = "scene"
[data]
dataset = "fashion-mnist"
train_rows = 300
[validation]
k_fold = { folds = 2 }
[network]
mlp = { hidden = [8] }
[train]
epochs = 2
batch_size = 100
optimizer = { kind = "sgd" }
[space]
"train.optimizer.lr" = [0.0010]

','{"name":"scene","seed":0,"data":{"dataset":"fashion-mnist","train_rows":300},"validation":{"k_fold":{"folds":2,"shuffle":true,"seed":0}},"network":{"mlp":{"hidden":[8],"activation":"relu","batch_norm":false,"dropout":0.0},"init":"pytorch"},"train":{"epochs":2,"batch_size":100,"optimizer":{"kind":"sgd","lr":0.001},"schedule":"constant","shuffle":true,"common_random_numbers":true},"space":{"train.optimizer.lr":[0.001]},"selection":{"epoch":"best","allow_failed_folds":false},"final":{},"limits":{"attempts":3},"plan":{}}','{"shape":[1,28,28],"classes":10,"train_rows":300,"test_rows":10000}','[[150,150],[150,150]]','1c71512965f4449608c726e145754ccd64848df0f351fca2ffef207ec4953e45','ab51d34a7c21c53086da3bcd3a790be70c6d148ec17963928a275682aaca9bca',1000100,NULL,NULL,NULL,NULL,1,'[]');
COMMIT;
