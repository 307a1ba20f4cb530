"""Hashes of one password as other systems store them, made by their own libraries at a low cost."""

PASSWORD = "correct hörse battery staple"
# Django 5.2, Werkzeug 3.1, better-auth 1.7, bcrypt 5.0 and libpass 1.9.
HASHES = {
    "Django, PBKDF2": "pbkdf2_sha256$1000$rWfooCmO3AEafWArBMtr9l$e8F2EnicN56y5i3avU5FC46MEeHyWoZk9AZS12Fg3C8=",
    "Django, argon2": (
        "argon2$argon2id$v=19$m=128,t=1,p=1$RGpQYTJpdnJxUGxwRWpwcGF3ZHQ4ag$w4X1xT5WBH4tmiSECPnqezwW8GJK76JyszBLBIrIWDA"
    ),
    "Django, bcrypt": "bcrypt$$2b$04$FVeTv7UyqhXL666LVxgMue/0ORdvG7WRlDJLnl0dISDzJVT3G3bKy",
    "Django, bcrypt with SHA-256": "bcrypt_sha256$$2b$04$zu1XpHc0EjR2CgotkCVrNemj684Sq23vUKSEAP9OyBQMDQ8qKpRAq",
    "Django, scrypt": (
        "scrypt$16$2aOZ11Ti4wNdbSwZ3rcgAz$8$1$VFhzEkNHTnh7go5m1WOqZU7OJvklpyVHtunnh0V5DWGiiY92Q0FO4QqnWd+wRjc"
        "3tWSdICatkzsDgH84GYQ9Pw=="
    ),
    "Werkzeug, scrypt": (
        "scrypt:1024:8:1$yd0NgwLQZVRgojlE$8258dba0a030501d7a5a6971933c0e75f27ff7fa4f2660d5c2a4a72ad9d1d3ee496"
        "b2eb1fc49f9182624e5f5a5b5f29990f50284a490eb0a5fc6c4b95bc78b98"
    ),
    "Werkzeug, PBKDF2": (
        "pbkdf2:sha256:1000$gK1ig018nbS110MQ$c77a4de72f702f048bd678f034537a711d3f8be2863d17a830a0854711b73dea"
    ),
    "Werkzeug, PBKDF2 with SHA-512": (
        "pbkdf2:sha512:1000$exadQAwzBA734zUq$9ed867ea0b31a506c80f6ff458c9c02f25a6a583370ba84235bfde2280fae011"
        "749c35e9924fae9da68170f981ca54f69ca4a4cbd092632ddb0d4f861893b29d"
    ),
    "better-auth": (
        "c98d542664f93288665f2fe666efa843:a635c5deb9f13d891653e2758d3dfe4c66a19100a38aa38e2ea355eb7d80e03e"
        "fef734244d6d7d2969421891adee7a7818092625043cddbdabcef4d64000145f"
    ),
    "bcrypt": "$2b$04$3yNfkTZFiR.f82PLd5hrGOystjI673KpVOn8ic5kOh9FOEU4tbtaS",
    "passlib, PBKDF2": "$pbkdf2-sha256$1000$otS61xoD4PyfEwLgnDMG4A$peK6UF77noxbEbpEU03PFkJeGygtHMdc0DLUj627lx4",
    "passlib, scrypt": "$scrypt$ln=4,r=8,p=1$UyqFkDLmXKtVyvl/T4kRIg$Zv+xWAR3OoIVG9/Ii5oPn2IDQGAQlctU/JGr7Y81tMo",
}
# PHP and Ruby use prefixes of their own for the same algorithm.
HASHES |= {
    language: HASHES["bcrypt"].replace("$2b$", prefix) for language, prefix in (("PHP", "$2y$"), ("Ruby", "$2a$"))
}
